"""The page as HTML. Every text of others is made printable and escaped, and no script runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from domain.model import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from server.sandbox.console.datasets import ServedDataset
    from server.sandbox.state.content.searchable_text import ShownDocument

_LONGEST_TEXT: Final = 200_000
_QUESTIONS: Final = 8
_STYLE: Final = (
    ":root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:light-dark(#0b57d0,#8ab4f8)}"
    "*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}"
    "form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}label{display:grid;gap:.15rem;font-size:.8rem}"
    "label.wide{flex:1 1 20rem}input,select,button{font:inherit;font-size:1rem;padding:.4rem .6rem;height:2.5rem}"
    "input{width:100%}select{max-width:18rem}small,dt,summary{opacity:.75}"
    "ol{padding-left:1.6rem}li small{display:block}li{margin:.6rem 0;overflow-wrap:anywhere}"
    ".questions{list-style:none;padding:0;margin:.5rem 0}.questions li{margin:.25rem 0}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;"
    "border-bottom:1px solid var(--line)}td.count,th.count{text-align:right}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}"
    "article{white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4;background:var(--soft);padding:1rem;"
    "border:1px solid var(--line);border-radius:.4rem}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchView:
    """What the page of a search shows: the question, the filters, and the datasources that they leave."""

    question: str
    client: str
    datasource_id: str
    datasources: Sequence[Mapping[str, Any]]
    known: Mapping[str, ServedDataset]

    @classmethod
    def from_form(
        cls,
        datasources: Sequence[Mapping[str, Any]],
        known: Mapping[str, ServedDataset],
        given: Mapping[str, str],
    ) -> Self:
        """The view for the fields of a form; a client or a dataset that there is not filters nothing."""
        view = cls(
            question=given.get("q", ""), client="", datasource_id="", datasources=datasources, known=known
        )
        client, datasource_id = given.get("client", ""), given.get("dataset", "")
        return replace(
            view,
            client=client if client in view.clients else "",
            datasource_id=datasource_id if datasource_id in {each["id"] for each in datasources} else "",
        )

    @property
    def is_filtered(self) -> bool:
        """Whether not every datasource is searched."""
        return bool(self.client or self.datasource_id)

    @property
    def clients(self) -> list[str]:
        """The clients of the datasources."""
        return sorted({name for each in self.datasources if (name := self.client_of(each))})

    @property
    def shown(self) -> list[Mapping[str, Any]]:
        """The datasources of the client, or the one that is named: a dataset is of one client."""
        return [
            each
            for each in self.datasources
            if each["id"] == self.datasource_id
            or (not self.datasource_id and self.client in {"", self.client_of(each)})
        ]

    @property
    def questions(self) -> list[str]:
        """The golden questions of the datasources that are shown, each once."""
        return list(
            dict.fromkeys(
                question
                for each in self.shown
                if (served := self._dataset_of(each))
                for question in served.questions
            )
        )

    def client_of(self, datasource: Mapping[str, Any]) -> str:
        """The client of a datasource; "" when it is not known."""
        served = self._dataset_of(datasource)
        return served.client if served else ""

    def address(self, question: str) -> str:
        """The address of another question under the same filters."""
        fields = {"q": question, "client": self.client, "dataset": self.datasource_id}
        return f"/?{urlencode({name: value for name, value in fields.items() if value})}"

    def _dataset_of(self, datasource: Mapping[str, Any]) -> ServedDataset | None:
        return self.known.get(datasource["id"]) or self.known.get(datasource["name"])


def render_search(view: SearchView, found: Mapping[str, Any] | None) -> str:
    """The page of a search; `found` is what `search_fulltext` answers, None before a question."""
    title = f"{view.question} – Glean sandbox" if view.question else "Glean sandbox"  # noqa: RUF001 - a dash
    return _render_page(
        title,
        "<h1>Glean sandbox</h1>"
        + _render_form(view)
        + ("" if found is None else _render_hits(found))
        + _render_questions(view)
        + "<h2>Datasources</h2>"
        + _render_table(view),
    )


def render_document(datasource: Mapping[str, Any], document: ShownDocument) -> str:
    """The page of one document. Its address leads to a source that does not exist, so it is no link."""
    facts = {
        "Datasource": datasource["name"],
        "Type": document.object_type,
        "Id": document.id,
        "Container": document.container,
        "Author": document.author,
        "Created": document.created,
        "Updated": document.updated,
        "Address": document.url,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{_show(value)}</dd>" for name, value in facts.items() if value)
    text = escape(printable(document.text, _LONGEST_TEXT, lines=True))
    back = escape(f"/?{urlencode({'dataset': datasource['id']})}")
    return _render_page(
        document.title,
        f'<p><a href="{back}">Search in {_show(datasource["name"])}</a></p>'
        f"<h1>{_show(document.title)}</h1><dl>{rows}</dl><article>{text}</article>",
    )


def render_missing() -> str:
    """The page in place of a document that is not served."""
    return _render_page(
        "Not found",
        "<h1>Not found</h1><p>No such document is served. It may have been replaced or taken down.</p>"
        '<p><a href="/">Search</a></p>',
    )


def _render_page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_show(title)}</title><style>{_STYLE}</style></head><body>{content}</body></html>"
    )


def _show(text: str) -> str:
    """Somebody's text as HTML: printable, and never markup."""
    return escape(printable(text))


def _render_form(view: SearchView) -> str:
    return (
        '<form role="search" action="/">'
        f'<label class="wide">Search <input name="q" value="{_show(view.question)}" autofocus></label>'
        + (
            _render_select("client", "Client", {each: each for each in view.clients}, view.client)
            if view.clients
            else ""
        )
        + _render_select(
            "dataset", "Dataset", {each["id"]: each["name"] for each in view.datasources}, view.datasource_id
        )
        + "<button>Search</button></form>"
    )


def _render_select(name: str, label: str, values: Mapping[str, str], chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{_show(text)}</option>'
        for value, text in values.items()
    )
    return f'<label>{label} <select name="{name}"><option value="">All</option>{options}</select></label>'


def _render_hits(found: Mapping[str, Any]) -> str:
    items = "".join(
        f'<li><a href="{escape(_document_address(hit))}"><b>{_show(hit.get("title") or hit["documentId"])}</b></a>'
        f" <small>{_show(hit['datasource'])} · {_show(hit['documentId'])}</small>{_show(hit['snippet'])}</li>"
        for hit in found["results"]
    )
    return f"<p>{found['total']} found</p><ol>{items}</ol>"


def _document_address(hit: Mapping[str, Any]) -> str:
    fields = {"in": hit["datasourceId"], "type": hit["objectType"], "id": hit["documentId"]}
    return f"/document?{urlencode(fields)}"


def _render_questions(view: SearchView) -> str:
    items = [f'<li><a href="{escape(view.address(each))}">{_show(each)}</a></li>' for each in view.questions]
    if not items:
        return ""
    more = (
        f'<details><summary>{len(items) - _QUESTIONS} more</summary><ul class="questions">'
        f"{''.join(items[_QUESTIONS:])}</ul></details>"
        if len(items) > _QUESTIONS
        else ""
    )
    return f'<h2>Questions to ask</h2><ul class="questions">{"".join(items[:_QUESTIONS])}</ul>{more}'


def _render_table(view: SearchView) -> str:
    if not view.datasources:
        return "<p>There are none.</p>"
    rows = "".join(
        f'<tr><td><a href="/?{escape(urlencode({"dataset": each["id"]}))}">{_show(each["name"])}</a></td>'
        f"<td>{_show(view.client_of(each))}</td><td>{_show(each['connector'])}</td>"
        f'<td>{_show(each["status"])}</td><td class="count">{each["documentCount"]}</td></tr>'
        for each in view.shown
    )
    return (
        '<div class="scroll"><table><tr><th>Name</th><th>Client</th><th>Connector</th><th>Status</th>'
        f'<th class="count">Documents</th></tr>{rows}</table></div>'
    )
