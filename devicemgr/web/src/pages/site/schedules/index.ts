// Schedules: their weeks, and what a change opens and closes before it is saved.
import { html } from "lit";
import { call, type Answer, type Body } from "../../../api/client";
import { zoneName } from "../../../base/dates";
import { number, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import type { Column } from "../../../parts/listing";
import { hoursView } from "../apply/changes";
import type { Form } from "../editing/editor";
import { Entities } from "../editing/entities";
import { list, text, type FormField, type OwnField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import "./grid";
import { weekHours, windowWords } from "./words";

type Schedule = Answer<"/api/v1/schedules", "get">[number];
type Fields = Body<"/api/v1/schedules/{name}", "put">;
const HOLIDAY = /^(@[a-z0-9][a-z0-9._-]*|\d{4}-\d\d-\d\d)$/;

class Schedules extends Entities<Schedule> {
  protected readonly tab = "schedules";
  protected readonly adds = "POST /schedules";

  protected read(): Promise<Schedule[]> {
    return call("get", "/api/v1/schedules");
  }

  protected words(): { label: string; add: string; empty: string } {
    return { label: t("site_tab.schedules"), add: t("site.add_schedule"), empty: t("site.no_schedules") };
  }

  protected columns(): readonly Column<Schedule>[] {
    return [
      { title: t("site.name"), isHeader: true, cell: (row) => row.name },
      { title: t("site.hours"), name: "cause", cell: (row) => row.windows.map(windowWords).join("; ") },
      { title: t("site.week_hours"), name: "number", cell: (row) => number(weekHours(row.windows)) },
      { title: t("site_field.holidays"), cell: (row) => row.holidays.join(", ") },
      { title: t("site_field.timezone"), cell: (row) => row.timezone },
    ];
  }

  protected async formOf(row: Schedule | null): Promise<Form> {
    const calendars = (await call("get", "/api/v1/calendars")).map((one) => `@${one.name}`);
    const fields = fieldsOf(calendars);
    if (row === null) {
      const names = (this.loaded.value ?? []).map((one) => one.name);
      const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true, check: (value) => (names.includes(text(value)) ? t("site.name_taken") : undefined) };
      return {
        title: t("site.add_schedule"),
        fields: [name, ...fields],
        values: { name: "", windows: ["mon-fri 08:00-18:00"], timezone: zoneName(), holidays: [] },
        save: (values) => call("post", "/api/v1/schedules", {}, { name: text(values["name"]), ...taken(values) }),
      };
    }
    const path = { name: row.name };
    const read = (tagged: (tag: string) => void): Promise<Schedule> => call("get", "/api/v1/schedules/{name}", { path, tagged });
    return {
      title: t("site.schedule", { name: row.name }),
      fields,
      values: { ...row },
      preview: async (values) => hoursView((await call("post", "/api/v1/schedules/plan", {}, { calendars: [], schedules: [{ name: row.name, ...taken(values) }] })).changes),
      save: store.may("PUT /schedules/{name}") ? (values) => saveUnchanged(read, row, (match) => call("put", "/api/v1/schedules/{name}", { path, match }, taken(values))) : undefined,
      remove: store.may("DELETE /schedules/{name}") ? { effect: t("site.remove_schedule", { name: row.name }), run: () => saveUnchanged(read, row, (match) => call("delete", "/api/v1/schedules/{name}", { path, match })) } : undefined,
    };
  }
}

function fieldsOf(calendars: readonly string[]): FormField[] {
  const zones = Intl.supportedValuesOf("timeZone");
  return [
    { name: "windows", kind: "own", isRequired: true, own: week },
    { name: "timezone", kind: "text", isRequired: true, offered: zones },
    { name: "holidays", kind: "names", offered: calendars, isOpen: true, check: (value) => (list(value).every((one) => HOLIDAY.test(one)) ? undefined : t("site.no_holiday")) },
  ];
}

function week({ value, change, isDisabled, error }: OwnField): ReturnType<NonNullable<FormField["own"]>> {
  return html`<desk-week .windows=${list(value)} .isDisabled=${isDisabled} .error=${error} @windows=${(event: CustomEvent<string[]>) => change(event.detail)}></desk-week>`;
}

function taken(values: Values): Fields {
  return { windows: list(values["windows"]), timezone: text(values["timezone"]), holidays: list(values["holidays"]) };
}

customElements.define("desk-site-schedules", Schedules);
