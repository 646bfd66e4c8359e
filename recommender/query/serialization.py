"""The JSON and text forms of what is asked and answered, both ways: one place for the service, its client and the CLI.

What comes in is checked: `..._from` raises `UsageError` in one line. Of a request every field must be known; an answer
may hold more, which a newer service has added.
"""

from recommender.query.answers_json import answer_from, answer_json, hit_from, hit_json
from recommender.query.boosts import boost_from, boost_json, boost_text, parse_attribute, parse_boost
from recommender.query.products_json import product_from, product_json
from recommender.query.reading import parse_path
from recommender.query.request_json import filters_from, filters_json, options_from, options_json
from recommender.query.rules_json import parse_moment, rule_from, rule_json
from recommender.query.states_json import status_from, status_json, write_result_from, write_result_json

__all__ = [
    "answer_from",
    "answer_json",
    "boost_from",
    "boost_json",
    "boost_text",
    "filters_from",
    "filters_json",
    "hit_from",
    "hit_json",
    "options_from",
    "options_json",
    "parse_attribute",
    "parse_boost",
    "parse_moment",
    "parse_path",
    "product_from",
    "product_json",
    "rule_from",
    "rule_json",
    "status_from",
    "status_json",
    "write_result_from",
    "write_result_json",
]
