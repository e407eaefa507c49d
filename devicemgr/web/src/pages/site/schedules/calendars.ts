// Calendars: the days on which schedules differ, by hand or of a file on a server that is followed.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../../api/client";
import { counted, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import { hoursView } from "../apply/changes";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { text, type FormField, type OwnField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import "./days";
import { daysError, parsedDay, sortedDays, type Day } from "./days";
import "./feed";
import { ageWords } from "./feed";

type Calendar = Answer<"/api/v1/calendars", "get">[number];

const EVERY = ["1h", "6h", "12h", "24h", "7d"] as const;

class Calendars extends Entities<Calendar> {
  protected readonly tab = "calendars";
  protected readonly adds = "POST /calendars";

  protected read(): Promise<Calendar[]> {
    return call("get", "/api/v1/calendars");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.calendars"), add: t("site.add_calendar"), empty: t("site.no_calendars") };
  }

  protected override text(row: Calendar): string {
    return [row.name, ...row.schedules, row.feed?.url ?? "", ...row.days.map((day) => `${day.date} ${day.name}`)].join(" ");
  }

  protected columns(): readonly Column<Calendar>[] {
    const today = new Date().toISOString().slice(0, 10);
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site_field.days"), cell: (row) => counted("site.days_count", row.days.length) },
      { title: t("site.next_day"), cell: (row) => nextDay(row.days.find((day) => day.date >= today)) },
      { title: t("site_tab.schedules"), cell: (row) => row.schedules.join(", ") },
      { title: t("site.follows"), name: "cause", cell: follows },
    ];
  }

  protected formOf(row: Calendar | null): Promise<Form> {
    const isFollowing = row?.feed !== undefined && row.feed !== null;
    const fields = fieldsOf();
    if (row === null) {
      const names = (this.loaded.value ?? []).map((one) => one.name);
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true, check: (value) => (names.includes(text(value)) ? t("site.name_taken") : undefined) };
      return Promise.resolve({
        title: t("site.add_calendar"),
        fields: [name, ...fields],
        values: { name: "", days: [], url: "", every: "24h", insecure: false },
        save: (values) => call("post", "/api/v1/calendars", {}, { name: text(values["name"]), ...taken(values) }),
      });
    }
    const days = isFollowing ? (row.feed?.by_hand ?? []).map(parsedDay) : row.days;
    const path = { name: row.name };
    const read = (tagged: (tag: string) => void): Promise<Calendar> => call("get", "/api/v1/calendars/{name}", { path, tagged });
    return Promise.resolve({
      title: t("site.calendar", { name: row.name }),
      fields,
      values: { days, url: row.feed?.url ?? "", every: row.feed?.every ?? "24h", insecure: row.feed?.insecure ?? false },
      more: row.feed ? html`<desk-calendar-feed .name=${row.name} .feed=${row.feed} @taken=${(event: Event) => (event.target as HTMLElement).closest("dialog")?.close()}></desk-calendar-feed>` : html``,
      preview: (values) => preview(row, days, values),
      save: store.may("PUT /calendars/{name}") ? (values) => saveUnchanged(read, row, (match) => call("put", "/api/v1/calendars/{name}", { path, match }, taken(values))) : undefined,
      remove: store.may("DELETE /calendars/{name}") ? { effect: t("site.remove_calendar", { name: row.name }), run: () => saveUnchanged(read, row, (match) => call("delete", "/api/v1/calendars/{name}", { path, match })) } : undefined,
    });
  }
}

async function preview(row: Calendar, before: readonly Day[], values: Values): Promise<TemplateResult> {
  const found = taken(values);
  const kept = new Set(found.days.map((day) => day.date));
  const drop = before.map((day) => day.date).filter((date) => !kept.has(date));
  const isOther = found.url !== (row.feed?.url ?? "");
  const planned = { name: row.name, days: found.days, drop, ...(isOther ? { url: found.url, insecure: found.insecure } : {}) };
  return hoursView((await call("post", "/api/v1/schedules/plan", { timeoutMs: 60_000 }, { calendars: [planned], schedules: [] })).changes);
}

function fieldsOf(): FormField[] {
  const isFollowing = (values: Values): boolean => text(values["url"]) !== "";
  return [
    { name: "days", kind: "own", own: daysField, check: (value) => daysError(value as Day[]) },
    { name: "url", kind: "url", check: (value) => (value === null || /^https?:\/\/\S+$/.test(text(value)) ? undefined : t("site.no_url")) },
    { name: "every", kind: "select", options: EVERY.map((one) => [one, t(`site_every.${one}`)] as const), isShown: isFollowing },
    { name: "insecure", kind: "check", isShown: (values) => text(values["url"]).startsWith("http://") },
  ];
}

function daysField({ value, change, isDisabled, error }: OwnField): TemplateResult {
  return html`<desk-days .days=${value} .isDisabled=${isDisabled} .error=${error} @days=${(event: CustomEvent<Day[]>) => change(event.detail)}></desk-days>`;
}

function taken(values: Values): { days: Day[]; url: string; every: string | null; insecure: boolean | null } {
  const url = text(values["url"]);
  const isFollowing = url !== "";
  const days = sortedDays(values["days"] as Day[]).map((day) => ({ ...day, name: day.name.trim() }));
  return { days, url, every: isFollowing ? text(values["every"]) : null, insecure: isFollowing && url.startsWith("http://") ? values["insecure"] === true : null };
}

function nextDay(day: Day | undefined): string {
  return day ? `${day.date} ${day.name}`.trim() : "";
}

function follows(row: Calendar): TemplateResult | typeof nothing {
  if (!row.feed) return nothing;
  const isTroubled = row.feed.is_held || row.feed.failure !== null;
  return html`${row.feed.url} <small class=${isTroubled ? "error" : "hint"}>${ageWords(row.feed)}${row.feed.is_held ? ` · ${t("site.feed_held")}` : row.feed.failure ? ` · ${row.feed.failure}` : ""}</small>`;
}

customElements.define("desk-site-calendars", Calendars);
