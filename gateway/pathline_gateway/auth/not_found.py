"""The answer for an unknown path; it names the path that is meant where only a slash is too many."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pathline_gateway.auth.route_permissions import route_without_slash
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.problem_page import render_problem, wants_page


async def on_http_error(request: Request, error: Exception) -> Response:
    """Handler for what the framework refuses: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    # Nobody is sent on: a client would send what is personal twice, and where the Host header says.
    if error.status_code == 404 and (route_path := route_without_slash(request.scope["path"])) is not None:
        detail = f"the path ends with a slash: ask {route_path}"
        return _answer(request, Problem(404, "not-found", detail, path=route_path))
    reason = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
    return _answer(request, Problem(error.status_code, reason, str(error.detail), headers=error.headers))


def _answer(request: Request, problem: Problem) -> Response:
    is_page = request.method == "GET" and wants_page(request.headers.get("accept", ""))
    return render_problem(problem) if is_page else problem.to_response()
