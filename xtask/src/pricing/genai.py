"""Prints what genai-prices knows of the models named on standard input, as JSON.

Arguments: the folder of the unpacked wheel. Input: a JSON list of [key, provider, name]; a name of null asks for every
model of the provider. Output: {"models": [[key, id, versions]], "own": [[provider, id, versions]]}, where a version is
{"since": date or null, "rates": [[unit, above, price]]}.
"""

import datetime
import decimal
import json
import sys
import types

folder = sys.argv[1]
sys.path.insert(0, folder)
# The package's client for newer prices; nothing here calls it.
sys.modules["httpx2"] = types.ModuleType("httpx2")

from genai_prices.data import providers  # noqa: E402
from genai_prices.types import StartDateConstraint  # noqa: E402


def rates(prices):
    rows = []
    for unit, price in vars(prices).items():
        if unit.startswith("_"):
            continue
        if isinstance(price, decimal.Decimal):
            rows.append([unit, 0, format(price, "f")])
        elif price is not None and hasattr(price, "tiers"):
            rows.append([unit, 0, format(price.base, "f")])
            rows += [[unit, tier.start, format(tier.price, "f")] for tier in price.tiers]
    return rows


def versions(model):
    """Returns the prices by date; what holds at certain hours only is not among them."""
    prices = model.prices if isinstance(model.prices, list) else [None]
    found = []
    for price in prices:
        if price is None:
            found.append({"since": None, "rates": rates(model.prices)})
        elif price.constraint is None:
            found.append({"since": None, "rates": rates(price.prices)})
        elif isinstance(price.constraint, StartDateConstraint):
            found.append({"since": price.constraint.start_date.isoformat(), "rates": rates(price.prices)})
    return sorted(found, key=lambda version: version["since"] or "")


by_id = {provider.id: provider for provider in providers}
asked = json.load(sys.stdin)
answer = {"models": [], "own": []}
seen = set()
for key, provider, name in asked:
    for model in by_id[provider].models if provider in by_id else []:
        if name is not None and model.match.is_match(name):
            answer["models"].append([key, model.id, versions(model)])
            seen.add((provider, model.id))
            break
for provider in sorted({row[1] for row in asked}):
    for model in by_id[provider].models if provider in by_id else []:
        if (provider, model.id) not in seen:
            answer["own"].append([provider, model.id, versions(model)])
json.dump(answer, sys.stdout)
