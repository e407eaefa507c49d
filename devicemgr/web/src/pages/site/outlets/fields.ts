// What an outlet is set up with: the fields of its kind, and what the values of the form come to.
import { html, type TemplateResult } from "lit";
import type { Answer, Body } from "../../../api/client";
import { LANGUAGES, isLanguage, named, t } from "../../../base/i18n";
import { textArea } from "../../../parts/fields";
import { list, text, type FormField, type OwnField, type Values } from "../editing/form";
import { choices } from "../editing/words";
import { ALL, isChosen, type Chosen } from "./kinds";
import { kindWords } from "./words";

export type Outlet = Answer<"/api/v1/outlets", "get">[number];
export type Stated = Body<"/api/v1/outlets/{name}", "put">;
export type Kind = Stated["kind"];

export const KINDS = ["webhook", "mail", "mqtt", "syslog"] as const satisfies readonly Kind[];
/** What only outlets of a kind have. */
const OWN: Record<Kind, readonly string[]> = { webhook: ["batch"], mail: ["to", "sender", "language", "reports", "user"], mqtt: ["user", "discovery", "commands"], syslog: ["format", "enterprise"] };
const EXAMPLES: Record<Kind, string> = { webhook: "https://hr.example/hooks", mail: "smtps://mail.example", mqtt: "mqtts://broker.example", syslog: "syslog+tls://siem.example" };
/** Ways on which everyone can read along. */
const BARE = ["http:", "mqtt:", "syslog+tcp:", "syslog+udp:"];
const HERE = /^[a-z+]+:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/?#]|$)/i;
const EXTRAS = ["name", "evidence", "comments"] as const;
const PEM = "-----BEGIN CERTIFICATE-----";
const MAX_BATCH = 200;
const MAX_ENTERPRISE = 4_294_967_295;
const USUAL_ENTERPRISE = "32473";

/** Return whether outlets of a kind sign in by a password, which the receiver gets. */
export function hasUser(kind: string): boolean {
  return OWN[kind as Kind].includes("user");
}

export function isBare(url: unknown): boolean {
  const address = text(url).trim().toLowerCase();
  return BARE.some((scheme) => address.startsWith(`${scheme}//`)) && !HERE.test(address);
}

/** Return the fields of an outlet; `kind` is absent for a new one, which chooses it. */
export function fieldsOf(kind: Kind | undefined, portals: readonly string[]): FormField[] {
  const of = (values: Values): Kind => kind ?? (text(values["kind"]) as Kind);
  const ofKind = (name: string) => (values: Values) => OWN[of(values)].includes(name);
  const labeled = (field: Omit<FormField, "label">, hint = ""): FormField => ({ ...field, label: t(`outlet_field.${field.name as Label}`), ...(hint ? { hint } : {}) });
  return [
    ...(kind ? [] : [{ name: "kind", kind: "select", label: t("outlet_field.kind"), options: choices(KINDS, kindWords) } as const]),
    labeled({ name: "url", kind: "text", isRequired: true, check: (value, values) => urlError(text(value), of(values)) }, t("outlet_hint.url", { examples: (kind ? [kind] : KINDS).map((one) => EXAMPLES[one]).join(", ") })),
    labeled({ name: "insecure", kind: "check", isShown: (values) => isBare(values["url"]) }, t("outlet_hint.insecure")),
    labeled({ name: "to", kind: "names", isOpen: true, isRequired: true, isShown: ofKind("to") }),
    labeled({ name: "sender", kind: "text", isRequired: true, isShown: ofKind("sender") }),
    labeled({ name: "language", kind: "select", options: choices(Object.keys(LANGUAGES), (one) => (isLanguage(one) ? LANGUAGES[one] : one)), isShown: ofKind("language") }),
    labeled({ name: "user", kind: "text", isShown: ofKind("user") }, t("outlet_hint.user")),
    labeled({ name: "discovery", kind: "check", isShown: ofKind("discovery") }, t("outlet_hint.discovery")),
    labeled({ name: "commands", kind: "check", isShown: ofKind("commands") }, t("outlet_hint.commands")),
    labeled({ name: "format", kind: "select", options: [["rfc5424", "RFC 5424"], ["cef", "CEF"]], isShown: ofKind("format") }),
    labeled({ name: "enterprise", kind: "number", min: 1, max: MAX_ENTERPRISE, isRequired: true, isShown: ofKind("enterprise") }, t("outlet_hint.enterprise")),
    { name: "kinds", kind: "own", own: (field) => kindsField(field), check: (value) => (isChosen(value as Chosen) ? undefined : t("outlet.choose_kinds")) },
    labeled({ name: "portals", kind: "names", offered: portals }, t("outlet_hint.portals")),
    ...EXTRAS.map((extra) => labeled({ name: `leaves_${extra}`, kind: "check" }, named("outlet_hint", `leaves_${extra}`))),
    labeled({ name: "duress", kind: "check" }, t("outlet_hint.duress")),
    labeled({ name: "on_poison", kind: "select", options: choices(["stop", "skip"], (one) => t(one === "skip" ? "outlet.skip" : "outlet.stop")) }),
    labeled({ name: "batch", kind: "number", min: 1, max: MAX_BATCH, isRequired: true, isShown: ofKind("batch") }, t("outlet_hint.batch")),
    { name: "tls_ca", kind: "own", own: pemField, check: (value) => (text(value).trim() === "" || text(value).includes(PEM) ? undefined : t("outlet.no_pem")) },
  ];
}

type Label = "url" | "insecure" | "to" | "sender" | "language" | "user" | "discovery" | "commands" | "format" | "enterprise" | "portals" | "leaves_name" | "leaves_evidence" | "leaves_comments" | "duress" | "on_poison" | "batch";

export const NEW: Values = { name: "", kind: "webhook", url: "", insecure: false, to: [], sender: "", language: "en", user: "", discovery: false, commands: false, format: "rfc5424", enterprise: USUAL_ENTERPRISE, kinds: ALL, portals: [], leaves_name: false, leaves_evidence: false, leaves_comments: false, duress: false, on_poison: "stop", batch: "1", tls_ca: "" };

/** Return the values of the form for an outlet. */
export function valuesOf(outlet: Stated): Values {
  const extras = Object.fromEntries(EXTRAS.map((extra) => [`leaves_${extra}`, outlet.fields.includes(extra)]));
  return { ...outlet, ...extras, kinds: { isAll: outlet.kinds.length === 0, kinds: outlet.kinds }, batch: String(outlet.batch), enterprise: String(outlet.enterprise) };
}

/** Return what the daemon takes; what another kind has is as it is by default. */
export function taken(values: Values, kind: Kind): Stated {
  const chosen = values["kinds"] as Chosen;
  const own = <T>(name: string, value: T, usual: T): T => (OWN[kind].includes(name) ? value : usual);
  return {
    kind,
    url: text(values["url"]),
    insecure: isBare(values["url"]) && values["insecure"] === true,
    kinds: chosen.isAll ? [] : [...chosen.kinds],
    portals: list(values["portals"]),
    fields: EXTRAS.filter((extra) => values[`leaves_${extra}`] === true),
    duress: values["duress"] === true,
    on_poison: text(values["on_poison"]) === "skip" ? "skip" : "stop",
    tls_ca: text(values["tls_ca"]),
    batch: own("batch", Number(values["batch"]), 1),
    user: own("user", text(values["user"]), ""),
    to: own("to", list(values["to"]), []),
    sender: own("sender", text(values["sender"]), ""),
    language: own("language", text(values["language"]) as Stated["language"], "en"),
    // Kept as they are stated: the form does not change them.
    reports: own("reports", (values["reports"] ?? []) as Stated["reports"], []),
    discovery: own("discovery", values["discovery"] === true, false),
    commands: own("commands", values["commands"] === true, false),
    format: own("format", text(values["format"]) as Stated["format"], "rfc5424"),
    enterprise: own("enterprise", Number(values["enterprise"]), Number(USUAL_ENTERPRISE)),
  };
}

/** Return what an outlet states, without how it stands at the moment. */
export function statedOf(outlet: Outlet): Stated {
  const { kind, url, insecure, kinds, portals, fields, duress, on_poison, tls_ca, batch, user, to, sender, language, reports, discovery, commands, format, enterprise } = outlet;
  return { kind, url, insecure, kinds, portals, fields, duress, on_poison, tls_ca, batch, user, to, sender, language, reports, discovery, commands, format, enterprise } as Stated;
}

function urlError(url: string, kind: Kind): string | undefined {
  const [scheme = ""] = EXAMPLES[kind].split(/[s+:]/);
  return url.toLowerCase().startsWith(scheme) && url.includes("://") ? undefined : t("outlet.no_url", { example: EXAMPLES[kind] });
}

function kindsField({ value, change, isDisabled, error }: OwnField): TemplateResult {
  return html`<desk-outlet-kinds .chosen=${value} .isDisabled=${isDisabled} .error=${error} @chosen=${(event: CustomEvent<Chosen>) => change(event.detail)}></desk-outlet-kinds>`;
}

function pemField({ value, change, isDisabled, error }: OwnField): TemplateResult {
  return html`<details ?open=${error !== undefined || text(value) !== ""}>
    <summary>${t("outlet_field.tls_ca")}</summary>
    ${textArea({ name: "tls_ca", label: t("outlet_field.tls_ca"), hint: t("outlet_hint.tls_ca"), value: text(value), rows: 4, isDisabled, error, change })}
  </details>`;
}
