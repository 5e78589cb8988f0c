"""The vocabulary as its document writes it, transcribed by hand: the specification, not a copy of the models.

A line is `name: notation` under its noun. `!` marks a required field, and `!verb` one that this verb alone requires.
`@verb` marks a field that this verb alone has. `notation.py` reads the notation from JSON Schemas.
"""

from __future__ import annotations

from dataclasses import dataclass

COMMON = """
service: code
channel: web|phone|in-person|message|video|social-media|letter|app|outreach|partner
initiator: citizen|carer|organisation
actor: citizen|carer|staff|system
needs: list[needcode]
episode: str
handoff: str
about: list[About]
on_behalf: About
authority: Authority
coproduction: commission|design|deliver|assess
effort: list[Effort]
precision: instant|day|month
safety: safe-contact-only|location-hidden|conceal
participation: voluntary|compulsory
horizon: enduring|immediate
"""

NOUNS = """
# need expressed identified changed met withdrawn
need: str !
code: needcode !expressed,identified
urgency: routine|urgent|asap|stat
by: citizen|carer|staff
reason: code
# circumstance changed
kind: job-lost|job-started|income|birth|death|separation|move|homelessness|illness|disability|violence|custody|other !
effective: date !
facts: dict[str,str|int|bool]
complete: {from:date,until:date}
# contact made
kind: enquiry|chase|correct|complain|inform|other !
regarding: EventRef
resolved: bool
# appointment booked attended missed cancelled
appointment: str !
start: instant !booked
end: instant
kind: code
reason: code @missed,cancelled
# request lodged withdrawn
request: str !
kind: code !lodged
reason: code @withdrawn
# evidence requested provided
items: list[itemcode] !
request: str
reused_from: code @provided
due: instant @requested
# assessment made
assessment: str !
kind: code !
instrument: str
result: code
valid_until: date
# decision made varied reviewed ended
decision: str !
request: str
result: granted|refused|deferred !made
reasons: list[code]
legal_resource: str
output: code
valid_until: date
effective: date
review: upheld|changed|set-aside !reviewed
# plan agreed varied ended
plan: str !
goals: list[needcode]
agreed_by: list[citizen|carer|staff]
valid_until: date
reason: code
# obligation set met missed excused sanctioned
obligation: str !
kind: code !set
due: instant @set
reason: code
sanction: code !sanctioned @sanctioned
# service waitlisted started delivered ended
reason: completed|moved|withdrew|ineligible|deceased|lost-contact|capacity|other !ended @ended
quantity: int
unit: code
expected: instant @waitlisted
# handoff offered seen accepted declined redirected started paused resumed completed failed cancelled expired
handoff: str !
to: Party !offered,redirected @offered,redirected
token_sha256: hex64 @offered,redirected
token: str !accepted @accepted,declined
due: Due @offered,accepted,redirected
context_released: bool !offered @offered,accepted,redirected
need: needcode
priority: routine|urgent|asap|stat
reason: capacity|ineligible|out-of-area|wrong-service|unsafe|cannot-contact|person-declined|insufficient-information|duplicate|other !declined
outcome: met|partly-met|not-met @completed
# offer published withdrawn
offer: str !
title: str !published
needs: list[needcode] !published
eligibility: Node
capacity: int
channels: list[code]
processing_time: duration
requires: list[itemcode]
sensitive: list[str] @published
valid_from: instant
valid_until: instant
reason: code @withdrawn
# pull requested answered claimed
pull: str !
need: needcode !requested
offer: str !claimed @claimed
to: Party @claimed
answer: {available:int,not:int,could_be:int} !answered @answered
unmet: list[{org:code,offer:str,clause:str}] @answered
# coproduction contributed proposed adopted rejected
proposal: str !proposed,adopted,rejected
kind: skills|knowledge|time|design|feedback !contributed
reason: code
# change made
change: str !
kind: process|eligibility|channel|form|opening-hours|other !
because: list[EventRef]
# experience shared
value: confirmed|denied !
need: needcode
burden: {learning?:int,compliance?:int,psychological?:int}
text: str
regarding: EventRef
# outcome reported
by: provider|citizen !
domain: needcode !
instrument: str
before: str|int
after: str|int
# activity recorded
activity: str !
# mandate given withdrawn
mandate: str !
agent: Ref !given
services: list[Party] !given
powers: list[see|speak|act] !given
until: instant
# consent given withdrawn
consent: str !
holders: list[code] !given
recipients: list[code] !given
nouns: list[code]
items: list[itemcode]
purpose: code !given
until: instant
# identity linked distinguished retracted
same: list[Ref] !linked @linked
different: list[Ref] !distinguished @distinguished
method: record-key|citizen-token|handoff|linker|review !linked
confidence: float
purpose: code
evidence: EventRef !retracted @retracted
reason: str
# interaction voided corrected
source: str !
id: str !
reason: entered-in-error|wrong-person|wrong-time|wrong-content|other !
replacement: {time?:instant,data:payload} !corrected @corrected
"""  # noqa: E501

SHAPES = {
    "Ref": "{org:code,subject:subject}",
    "Party": "{org:code,service?:code}",
    "EventRef": "{source:str,id:str}",
    "About": "{subject:subject,role:child|parent|partner|deceased|carer|household|joint-tenant|other}",
    "Authority": "{basis:consent|law|serious-threat|mandate,instrument?:str,until?:instant}",
    "Effort": "{minutes:int,by:citizen|carer|staff}",
    "Due": "{accept?:instant,contact?:instant}",
    "Combined": "{op:all|any,of:list[Node]}",
    "Negated": "{op:not,of:Node}",
    "Compared": "{op:compare,fact:str,cmp:eq|ne|lt|le|gt|ge|in,value:str|int|bool|list[str|int|bool]}",
    "Exists": "{op:exists,fact:str}",
    "Occurred": "{op:occurred,type:str,where?:dict[str,str|int|bool],within?:duration}",
    "Counted": "{op:count,type:str,where?:dict[str,str|int|bool],within?:duration,cmp:eq|ne|lt|le|gt|ge,value:int}",
    "Aged": "{op:age,fact:str,cmp:eq|ne|lt|le|gt|ge,value:int}",
}

LISTS = {
    "income|food|housing|utilities|debt|employment|education|children|health|mental-health|disability|safety|legal"
    "|bereavement|identity-documents|transport": "needcode",
    "proof-of-identity|proof-of-address|income-statement|bank-statement|separation-certificate|tenancy-agreement"
    "|rent-ledger|birth-certificate|death-certificate|marriage-certificate|medical-report|functional-assessment"
    "|court-order|mandate-instrument|employment-history|other": "itemcode",
}


@dataclass(frozen=True)
class Verb:
    """What the document says that one verb carries."""

    noun: str
    verb: str
    fields: dict[str, str]
    """The notation of each field that is allowed, those of every payload included."""
    required: frozenset[str]


def verbs() -> list[Verb]:
    """Every verb of the document."""
    sections = [section.strip().split("\n") for section in NOUNS.split("# ") if section.strip()]
    return [
        _verb(noun, verb, [*COMMON.strip().split("\n"), *lines])
        for [heading, *lines] in sections
        for noun, *spoken in [heading.split()]
        for verb in spoken
    ]


def _verb(noun: str, verb: str, lines: list[str]) -> Verb:
    fields, required = {}, set()
    for line in lines:
        name, kind, *flags = line.split()
        only = [flag[1:].split(",") for flag in flags if flag.startswith("@")]
        if only and verb not in only[0]:
            continue
        fields[name.rstrip(":")] = kind
        if "!" in flags or any(verb in flag[1:].split(",") for flag in flags if flag.startswith("!")):
            required.add(name.rstrip(":"))
    return Verb(noun, verb, fields, frozenset(required))
