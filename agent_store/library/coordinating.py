"""Coordination of several agents: who has which work, and whether two are working on the same file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.library import claims, live
from agent_store.library.answer import Answer
from agent_store.library.answers import QUESTIONS
from agent_store.library.reading import Reading, path_parameters

if TYPE_CHECKING:
    from agent_store.library.claims import Claim, Claims
    from agent_store.library.recording import Id
    from agent_store.record.writer import Writer

# Edits older than this do not count as current work.
_EDIT_MINUTES = 30


class Coordinating(Reading):
    """Claims and hand-overs, decided immediately among all processes that share the home."""

    _claims: Claims
    _writer: Writer

    def claim_work(
        self, work_id: Id, agent_id: Id, target_path: str | None = None, session_id: Id = None
    ) -> Answer:
        """Claim a piece of work for an agent: one row with `is_granted`, and who holds it. Only one agent gets it.

        It stays claimed until `release_work`, `complete_work` or `handoff_work`. With `target_path`, other agents see
        what it is about (`check_conflicts`).
        """
        self._check_module(QUESTIONS["claim_work"])
        _check_names(work_id, agent_id)
        is_granted, held = self._claims.claim(str(work_id), str(agent_id), target_path)
        return self._claimed(is_granted, held, str(work_id), str(agent_id), claims.CLAIMED, session_id)

    def release_work(self, work_id: Id, agent_id: Id, session_id: Id = None) -> Answer:
        """Return a piece of work, so that another agent may claim it. Only its holder can; see `is_granted`."""
        return self._ended(work_id, agent_id, claims.RELEASED, session_id)

    def complete_work(self, work_id: Id, agent_id: Id, session_id: Id = None) -> Answer:
        """Mark a piece of work as done, so that it can no longer be claimed. Only its holder can; see `is_granted`."""
        return self._ended(work_id, agent_id, claims.COMPLETED, session_id)

    def handoff_work(
        self,
        work_id: Id,
        to_agent_id: Id,
        reason: str | None = None,
        context: object = None,
        from_agent_id: Id = None,
        session_id: Id = None,
    ) -> Answer:
        """Hand a piece of work to another agent: one row with `is_granted`, and from whom.

        Refused if the work is done, or if `from_agent_id` is given and another agent holds it.
        """
        self._check_module(QUESTIONS["handoff_work"])
        _check_names(work_id, to_agent_id)
        giver = None if from_agent_id is None else str(from_agent_id)
        is_granted, held = self._claims.hand_over(str(work_id), str(to_agent_id), giver)
        giver = giver or (held.agent_id if is_granted and held is not None else None)
        if is_granted:
            self._writer.write(
                "handoff",
                {
                    "work_id": work_id, "from_agent_id": giver, "to_agent_id": to_agent_id, "reason": reason,
                    "context": context, "session_id": session_id,
                },
            )  # fmt: skip
        row = {
            "work_id": str(work_id), "is_granted": is_granted, "from_agent_id": giver,
            "holder_agent_id": str(to_agent_id) if is_granted else held.agent_id if held is not None else None,
            "reason": reason,
        }  # fmt: skip
        return Answer([row], list(row), 1, ("claims of now",))

    def check_conflicts(
        self, target_path: str, limit: int | None = 20, session_id: Id = None, agent_id: Id = None
    ) -> Answer:
        """Agents that are working on a file or in a folder.

        Based on current claims, on transcripts of the last minutes, and on work in progress in the store.
        `session_id`, with `agent_id` for a subagent of it, identifies the caller, whose own edits are left out.
        """
        decided = self._claims.all()
        held = [asdict(claim) for claim in decided if claim.status == claims.CLAIMED]
        edits = [] if self._is_local else live.edits(_EDIT_MINUTES, session_id, agent_id)
        live.name_as_asked(target_path, (*held, *edits))
        path = path_parameters(target_path)
        return self._ask(
            "check_conflicts",
            limit,
            {
                **path, "claims": json.dumps(held), "edits": json.dumps(edits),
                "decided": json.dumps([claim.work_id for claim in decided]),
            },
            told={**path, "claims": len(held), "edits": len(edits)},
        )  # fmt: skip

    def suggest_work_for_agent(self, agent_id: Id, limit: int | None = 20) -> Answer:
        """Unclaimed open work, starting with what the agent (id or name) does best."""
        decided = self._claims.all()
        taken = [claim.work_id for claim in decided if claim.status != claims.RELEASED]
        released = [claim.work_id for claim in decided if claim.status == claims.RELEASED]
        return self._ask(
            "suggest_work_for_agent",
            limit,
            {"agent_id": str(agent_id), "taken": json.dumps(taken), "released": json.dumps(released)},
            told={"agent_id": str(agent_id), "claims": len(taken)},
        )

    def _ended(self, work_id: Id, agent_id: Id, status: str, session_id: Id) -> Answer:
        self._check_module(QUESTIONS["claim_work"])
        _check_names(work_id, agent_id)
        is_granted, held = self._claims.end(str(work_id), str(agent_id), status)
        return self._claimed(is_granted, held, str(work_id), str(agent_id), status, session_id)

    def _claimed(
        self, is_granted: bool, held: Claim | None, work_id: str, agent_id: str, status: str, session_id: Id
    ) -> Answer:
        """Record the decision, and return it."""
        holder = held.agent_id if held is not None and held.status == claims.CLAIMED else None
        fields = {
            "work_id": work_id, "agent_id": agent_id, "is_granted": is_granted, "status": status,
            "holder_agent_id": holder,
        }  # fmt: skip
        self._writer.write("claim", {**fields, "session_id": session_id})
        row = {**fields, "status": held.status if held is not None else None}
        return Answer([row], list(row), 1, ("claims of now",))


def _check_names(work_id: Id, agent_id: Id) -> None:
    """Without a name, nobody could tell who has which work."""
    for what, name in (("Work", work_id), ("An agent", agent_id)):
        if name is None or not str(name).strip():
            raise StoreError(f"{what} needs a name to be claimed or handed over.")
