"""The desk where auth is off: on one machine, for trying things out."""

from __future__ import annotations

from pathlib import Path

from support.desk_worker import ANNA, Page
from support.gateways.process import running


def test_a_browser_says_for_whom_it_acts_and_then_writes(tmp_path: Path) -> None:
    with running(tmp_path, PATHLINE_QUICK_EXIT="https://weather.example/") as up:
        asked = up.http.get("/desk")
        assert (asked.status_code, asked.headers["location"]) == (303, "/desk/organisation")
        for wrong in ("", "Not A Code!", "door-1", "pathline", "x" * 65):
            answer = up.http.post("/desk/organisation", data={"org": wrong})
            assert answer.status_code == (303 if wrong == "Not A Code!" else 422), wrong
            up.http.cookies.clear()
        assert up.http.post("/desk/organisation", data={"org": "food-bank"}).status_code == 303
        page = Page(up.http.get("/desk/contact").text)
        assert "Food bank" in page.said
        assert "https://weather.example/" in page.links
        said = {**page.forms["/desk/contact"], "subject": ANNA["food-bank"], "kind": "enquiry"}
        assert "Recorded" in up.http.post("/desk/contact", data=said).text
        assert up.settled()["interactions"] == 1
        other = up.http.get("/desk", headers={"cookie": "pathline-desk-organisation=citizen"})
        assert other.status_code == 303
