"""One session as a story: what happened, in its order, and nothing that a customer wrote unless it may be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiocancel.web.console.words import Writing, flat

if TYPE_CHECKING:
    from aiocancel.postgres.console import Story


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Args:
        at: When.
        what: In a few words.
        detail: More about it; empty where there is none.
        request_id: Stripe's id of the request, for its support.
        inside: What opens in place, as names and texts.
    """

    at: datetime
    what: str
    detail: str = ""
    request_id: str = ""
    inside: Sequence[tuple[str, str]] = ()


def timeline(story: Story, writing: Writing, *, personal_data: bool) -> list[Moment]:
    """Return what happened, oldest first.

    Args:
        story: All that is known.
        writing: Writes for the owner.
        personal_data: Whether the customer's own words may be shown.
    """
    told = [
        *(
            _of_session(story, story.session, writing, personal_data=personal_data)
            if story.session
            else ()
        ),
        *(
            _of_session(story, story.after, writing, personal_data=personal_data)
            if story.after
            else ()
        ),
        *(
            each
            for claim in story.claims
            for each in _of_claim(claim, writing, personal_data=personal_data)
        ),
        *_of_attempts(story, writing),
        *_of_journal(story, writing),
        *_of_receipts(story, writing),
        *_of_readings(story, writing),
    ]

    return sorted(told, key=lambda each: each.at)


def _of_session(
    story: Story, session: Mapping[str, Any], writing: Writing, *, personal_data: bool
) -> Iterator[Moment]:
    t, opened = writing.t, session["opened_at"]
    is_after = session.get("after_id") is not None
    where = [t("opened_as", vendor=writing.vendor(session["vendor"]))]
    where += (
        [t("opened_in", language=writing.language_name(session["language"]))]
        if session["language"]
        else []
    )
    where += [t("opened_from", place=session["place"])] if session["place"] else []
    yield Moment(opened, t("opened_after" if is_after else "opened"), ", ".join(where))

    for each in _entries(session["considered"]):
        if code := each.get("code"):
            said = f"{writing.code(str(code))[0]} {code}"
            yield Moment(opened, t("left_out_offer", offer=each.get("offer")), said)
    if session["hold_out"]:
        yield Moment(opened, t("was_held_out"))
    for each in _entries(session["shown"]):
        inside = tuple(flat({name: part for name, part in each.items() if name != "at"}))
        yield Moment(
            _time(each.get("at"), opened), t("shown_offer", offer=each.get("offer")), inside=inside
        )

    at = session["ended_at"] or session["touched_at"]
    if session["reason"]:
        yield Moment(
            at, t("chose", reason=writing.reason(session["reason"])), _place_of(session, writing)
        )
    if session["answers"]:
        if personal_data:
            yield Moment(at, t("answers"), inside=tuple(flat(session["answers"])))
        else:
            yield Moment(at, t("answers"), t("personal_data_hidden"))
    for offer in session["declined"]:
        yield Moment(at, t("declined", offer=offer))
    if session["accepted_offer"]:
        # A customer who cancelled afterwards has ended the session a second time.
        pressed = (each["recorded_at"] for each in story.claims if each["status"] == "saved")
        yield Moment(min(pressed, default=at), t("accepted", offer=session["accepted_offer"]))
    # A customer who stops after the declaration has changed nothing by that.
    if session["ended_at"] and not (is_after and session["state"] == "abandoned"):
        yield Moment(session["ended_at"], t("ended_as", outcome=writing.outcome(session["state"])))


def _entries(stored: object) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a stored list; whatever is none is left out."""
    if isinstance(stored, list):
        yield from (each for each in stored if isinstance(each, dict))


def _place_of(session: Mapping[str, Any], writing: Writing) -> str:
    """Say where the answer stood among those that were shown."""
    shown, reason = session["reasons"], session["reason"]
    if reason not in shown:
        return ""
    return writing.t("chose_at", place=shown.index(reason) + 1, count=len(shown))


def _of_claim(
    claim: Mapping[str, Any], writing: Writing, *, personal_data: bool
) -> Iterator[Moment]:
    t, at = writing.t, claim["recorded_at"]
    asked = writing.outcome(claim["status"])
    yield Moment(at, t("claim", status=asked), str(claim["public_id"]))
    if claim["reason_text"]:
        text = claim["reason_text"] if personal_data else t("personal_data_hidden")
        yield Moment(at, t("customers_words"), text)

    if typed := claim["typed"]:
        if personal_data:
            yield Moment(at, t("declared"), inside=tuple(flat(typed)))
        else:
            yield Moment(at, t("declared"), t("personal_data_hidden"))
    if claim["flow"]:
        if personal_data:
            yield Moment(at, t("vendor_told"), inside=tuple(flat(claim["flow"])))
        else:
            yield Moment(at, t("vendor_told"), t("personal_data_hidden"))


def _of_attempts(story: Story, writing: Writing) -> Iterator[Moment]:
    for each in story.attempts:
        result = writing.result(each["result"]) if each["result"] else writing.t("not_ended")
        said = " ".join(filter(None, (result, each["code"])))
        what = writing.t("sent", kind=writing.kind(each["kind"]))
        yield Moment(each["started_at"], what, said, each["request_id"] or "")


def _of_journal(story: Story, writing: Writing) -> Iterator[Moment]:
    kinds = {each["id"]: each["kind"] for each in story.actions}
    for each in story.journal:
        # The claim itself says so.
        if each["entry"] == "claim_recorded":
            continue
        kind = kinds.get(each["action_id"])
        what = writing.entry(each["entry"])
        about = f"{what}: {writing.kind(kind)}" if kind else what
        by = writing.t("by_operator", operator=each["operator"]) if each["operator"] else None
        yield Moment(each["at"], about, " ".join(filter(None, (each["code"], by))))


def _of_receipts(story: Story, writing: Writing) -> Iterator[Moment]:
    for each in story.actions:
        if not each["receipt_status"] or not each["finished_at"]:
            continue
        ends_at = each["receipt_ends_at"]
        ends = writing.t("ends_on", day=writing.day(ends_at)) if ends_at else None
        what = writing.t("stripe_shows", kind=writing.kind(each["kind"]))
        yield Moment(
            each["finished_at"], what, ", ".join(filter(None, (each["receipt_status"], ends)))
        )


def _of_readings(story: Story, writing: Writing) -> Iterator[Moment]:
    for each in story.readings:
        if each["read_at"]:
            state = writing.t("kept") if each["kept"] else writing.state(each["state"])
            late = writing.t("read_late") if each["is_late"] else None
            what = writing.t("read_at_stripe", day=each["day"])
            yield Moment(each["read_at"], what, ", ".join(filter(None, (state, late))))


def _time(text: Any, usual: datetime) -> datetime:
    """Return the time that a stored entry has, as far as it has one."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return usual
    return found if found.tzinfo is not None else usual
