"""A skill or command that is about to enter the context: its size, and whether that exceeds its budget."""

import os

from agent_store.record.hooks import quick_json
from agent_store.record.hooks.hook import Hook, Record, read_beginning, record_of, records_of, text_of

_MOST_BYTES = 4 * 1024 * 1024
_CHARACTERS_PER_TOKEN = 3


def measured(hook: Hook, name: str, trigger: str) -> "Record | None":
    """Record its size; the answer warns the user if it is over budget."""
    found = find(hook, name)
    if found is None:
        return None
    path, component_type, plugin = found
    try:
        characters = len(read_beginning(path, _MOST_BYTES).decode("utf-8", "replace"))
    except OSError:
        return None
    tokens = tokens_of(hook, characters)
    budget = record_of(hook.brief_of_all.get("budgets")).get(component_type)
    hook.record("skill_load", {
        "skill_name": name, "file_path": path, "characters": characters, "tokens": tokens, "budget_tokens": budget,
        "trigger": trigger, "plugin_name": plugin or None,
    })  # fmt: skip
    if not isinstance(budget, int) or tokens <= budget:
        return None
    text = f"The {component_type} {name} takes about {tokens:,} tokens, its budget is {budget:,} ({path})."
    hook.warn("skill_over_budget", text, target=path)
    return {"systemMessage": "Agent Store: " + text}


def tokens_of(hook: Hook, characters: int) -> int:
    """The approximate tokens of a text, from its number of characters at the rate that the store uses."""
    rate = hook.brief_of_all.get("characters_per_token")
    return round(characters / (rate if isinstance(rate, int | float) and rate > 0 else _CHARACTERS_PER_TOKEN))


def find(hook: Hook, name: str) -> "tuple[str, str, str] | None":
    """The file of a skill or command, its type, and its plugin."""
    plugin, _, own = name.rpartition(":")
    if not own or "/" in name or own.startswith(".") or plugin.startswith("."):
        return None
    settings = os.environ.get("CLAUDE_CONFIG_DIR", "") or os.path.expanduser("~/.claude")
    # `folder:name` is a command in a subfolder if there is no plugin of that name.
    folders = [hook.project + "/.claude", settings]
    for root in _plugin_folders(settings, plugin) if plugin else []:
        found = _in_folder(root, own, own)
        if found is not None:
            return (*found, plugin)
    for folder in folders:
        found = _in_folder(folder, own if not plugin else "", name.replace(":", "/"))
        if found is not None:
            return (*found, "")
    return None


def _in_folder(folder: str, skill: str, command: str) -> "tuple[str, str] | None":
    path = folder + "/skills/" + skill + "/SKILL.md"
    if skill and os.path.isfile(path):
        return path, "skill"
    path = folder + "/commands/" + command + ".md"
    return (path, "command") if os.path.isfile(path) else None


def _plugin_folders(settings: str, plugin: str) -> list[str]:
    """The folders where a plugin is installed, according to the client; including that of this hook."""
    own = os.environ.get("CLAUDE_PLUGIN_ROOT", "")
    folders = [own] if own and plugin == "agent-store" else []
    try:
        with open(settings + "/plugins/installed_plugins.json", "rb") as file:
            installed = record_of(record_of(quick_json.loads(file.read())).get("plugins"))
    except (OSError, ValueError):
        return folders
    for key, places in installed.items():
        if key.split("@")[0] == plugin:
            folders += [text_of(place.get("installPath")) for place in records_of(places)]
    return [folder for folder in folders if folder]
