"""HTTP/1.1 as uvicorn speaks it, except that a request that is not HTTP gets a problem document, too."""

from __future__ import annotations

import os

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from recommender.service.problems import Problem, problem_response

LONGEST_ADDRESS = 65_535
"""Bytes of an address that the parser accepts."""


class ProblemProtocol(HttpToolsProtocol):
    """Answers what is not HTTP with a problem document, and closes the connection."""

    def send_400_response(self, msg: str) -> None:
        """Answer in place of the parser, whose `msg` says only that it could not read on."""
        del msg
        detail = (
            "this is no HTTP/1.1: in an address every space and every letter beyond ASCII is written as %XX "
            f"(curl: -G --data-urlencode), and it has at most {LONGEST_ADDRESS:,} bytes; send long texts in a POST"
        )
        response = problem_response(Problem(400, detail, headers={"connection": "close"}), os.urandom(8).hex())
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + bytes(response.body))
        self.transport.close()
