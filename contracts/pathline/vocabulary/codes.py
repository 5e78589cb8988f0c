"""The closed code lists that every organisation shares."""

from typing import Literal

NeedCode = Literal[
    "income", "food", "housing", "utilities", "debt", "employment", "education", "children", "health",
    "mental-health", "disability", "safety", "legal", "bereavement", "identity-documents", "transport",
]  # fmt: skip
"""What people need, coarse enough for every service to agree on."""

ItemCode = Literal[
    "proof-of-identity", "proof-of-address", "income-statement", "bank-statement", "separation-certificate",
    "tenancy-agreement", "rent-ledger", "birth-certificate", "death-certificate", "marriage-certificate",
    "medical-report", "functional-assessment", "court-order", "mandate-instrument", "employment-history", "other",
]  # fmt: skip
"""What people are asked to bring: the type of a paper, never what it says."""

Channel = Literal[
    "web", "phone", "in-person", "message", "video", "social-media", "letter", "app", "outreach", "partner"
]
Initiator = Literal["citizen", "carer", "organisation"]
Person = Literal["citizen", "carer", "staff"]
Actor = Literal["citizen", "carer", "staff", "system"]
Priority = Literal["routine", "urgent", "asap", "stat"]
"""How soon, in FHIR's words."""

AboutRole = Literal["child", "parent", "partner", "deceased", "carer", "household", "joint-tenant", "other"]
Basis = Literal["consent", "law", "serious-threat", "mandate"]
Phase = Literal["commission", "design", "deliver", "assess"]
Precision = Literal["instant", "day", "month"]
Safety = Literal["safe-contact-only", "location-hidden", "conceal"]
Participation = Literal["voluntary", "compulsory"]
Horizon = Literal["enduring", "immediate"]
