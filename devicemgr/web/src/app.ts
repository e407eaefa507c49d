// The frame: sign-in, menu, pages, and what holds for all of them.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call, listen, setCsrf } from "./api/client";
import type { Session } from "./api/types";
import { announce, announceIn } from "./base/announce";
import { clock, setZone, zoneName } from "./base/dates";
import { StoreElement } from "./base/element";
import { language, named, number, preferredHere, t, use } from "./base/i18n";
import { keyboard } from "./base/keys";
import { allowedPages, route, type Page } from "./base/router";
import { setTheme, theme, type Theme } from "./base/theme";
import { RETRY_SIGN_IN_MS, beginWall, isWall, takeToken } from "./base/wall";
import { guardUnload, unsentWords } from "./base/unsent";
import { feed } from "./live/feed";
import { store } from "./live/store";
import { languageSelect } from "./pages/sign-in";
import { soundNotice } from "./bell/bell";
import { waiting } from "./bell/waiting";
import { confirmed } from "./parts/confirm";
import "./parts/help";
import "./parts/menu";
import "./parts/portal-dialog";
import { say } from "./parts/status";
import { icon } from "./parts/symbols";

const MAX_CLOCK_OFF_MS = 5500;
const RETRY_MS = 1000;

class App extends StoreElement {
  static override properties = { isReady: { state: true }, hasEnded: { state: true }, unloaded: { state: true } };
  declare isReady: boolean;
  declare hasEnded: boolean;
  /** A page whose files could not be had, such as while the daemon is away. */
  declare unloaded: Page | null;
  private readonly loading = new Set<Page>();
  private wasLink = store.link;

  constructor() {
    super();
    this.isReady = false;
    this.hasEnded = false;
    this.unloaded = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    listen(
      () => this.end(true),
      (daemon) => this.compareClocks(daemon),
    );
    guardUnload();
    addEventListener("hashchange", () => this.requestUpdate());
    const token = takeToken();
    if (isWall) beginWall();
    else addEventListener("keydown", keyboard(() => store.features, () => this.querySelector("desk-help")?.show()));
    void this.begin(token);
  }

  /** Enter with the session that the browser has, or as a display by its token. */
  private async begin(token: string | null = null): Promise<void> {
    await use(preferredHere());
    try {
      await this.enter(token === null ? await call("get", "/api/v1/session") : await call("post", "/api/v1/session/kiosk", {}, { token }));
    } catch (error) {
      this.hasEnded = token !== null;
      if (!(error instanceof Problem)) setTimeout(() => void this.begin(token), RETRY_MS);
      else if (isWall) setTimeout(() => void (store.session ?? this.begin()), RETRY_SIGN_IN_MS);
    }
    this.isReady = true;
  }

  private async enter(session: Session): Promise<void> {
    setCsrf(session.csrf);
    setZone(session.timezone);
    const wanted = preferredHere(session.language);
    if (wanted !== language()) await use(wanted);
    this.hasEnded = false;
    store.signIn(session);
    feed.start();
  }

  private end(byDaemon: boolean): void {
    const wasIn = store.session !== null;
    feed.stop();
    setCsrf("");
    store.signOut();
    if (isWall && byDaemon && wasIn) setTimeout(() => void (store.session ?? this.begin()), RETRY_SIGN_IN_MS);
    document.querySelectorAll("dialog[open]").forEach((dialog) => (dialog as HTMLDialogElement).close());
    this.hasEnded = byDaemon && wasIn;
  }

  private async signOut(): Promise<void> {
    const unsent = unsentWords();
    const question = { title: t("menu.sign_out"), effect: t("unsent.sign_out", { what: unsent }), action: t("menu.sign_out"), isDangerous: true };
    if (unsent !== "" && !(await confirmed(question))) return;
    await call("delete", "/api/v1/session").catch(() => undefined);
    this.end(false);
  }

  private compareClocks(daemon: number): void {
    store.clockOff = Date.now() - daemon;
  }

  override render(): TemplateResult | typeof nothing {
    if (!this.isReady) return nothing;
    if (!store.session) {
      document.title = `${t("sign_in.title")} · devicemgr`;
      return html`<desk-sign-in
        .hasEnded=${this.hasEnded}
        @signed-in=${(event: CustomEvent<Session>) => void this.enter(event.detail)}
        @language=${() => this.requestUpdate()}
      ></desk-sign-in>`;
    }
    if (isWall && store.hasNewVersion) location.reload();
    const pages = allowedPages(store.features);
    const { page, rest } = route(location.hash, pages);
    this.load(page);
    const title = page ? t(page.title) : t("page.none");
    const calls = waiting(store.states.alarms).length;
    document.title = `${calls > 0 ? `(${number(calls)}) ` : ""}${title} · devicemgr`;
    if (isWall) return this.wall(page, rest);
    return html`<a class="skip" href="#main" @click=${this.skip}>${t("menu.skip")}</a>
      <div class="shell">
        <desk-menu .pages=${pages} .present=${page} .counts=${{ alarms: calls }}></desk-menu>
        <header class="top">
          <h1>${title}</h1>
          ${page?.name === "live" && store.may("POST /threats/{name}/set") ? html`<button type="button" class="threats" data-threats @click=${() => void this.showThreats()}>${icon("threats")}<span>${t("threats.button")}</span></button>` : nothing}
          ${store.may("GET /alarms") ? html`<desk-bell></desk-bell>` : nothing}
          ${this.link()}
          <span class="zone" title=${t("menu.zone")}>${zoneName()}</span>
          ${this.userMenu(store.session)}
        </header>
        <div class="notices">${this.notices()}</div>
        <main id="main" tabindex="-1">${this.body(page, rest)}</main>
      </div>
      <desk-portal-dialog></desk-portal-dialog>
      <desk-confirm></desk-confirm>
      <desk-status></desk-status>
      <desk-help></desk-help>
      <div class="sr" role="status" data-announced></div>`;
  }

  /** A display on a wall: the page alone, with nothing to press. */
  private wall(page: Page | undefined, rest: readonly string[]): TemplateResult {
    return html`<div class="shell">
        <header class="top"><h1 class="sr">${page ? t(page.title) : t("page.none")}</h1>${this.link()}<span class="zone">${zoneName()}</span></header>
        <div class="notices">${this.notices()}</div>
        <main id="main" tabindex="-1">${this.body(page, rest)}</main>
      </div>
      <div class="sr" role="status" data-announced></div>`;
  }

  override updated(): void {
    announceIn(this.querySelector("[data-announced]"));
    if (this.wasLink !== store.link) {
      if (store.link === "away") announce(t("link.away_banner", { time: clock(store.lastMessage) }));
      else if (this.wasLink === "away") announce(t("link.back"));
      this.wasLink = store.link;
    }
  }

  /** Load a page's files; its elements come to life by themselves. */
  private load(page: Page | undefined): void {
    if (!page || this.loading.has(page)) return;
    this.loading.add(page);
    page.load().catch(() => {
      this.unloaded = page;
      if (isWall) setTimeout(() => location.reload(), RETRY_SIGN_IN_MS);
    });
  }

  private body(page: Page | undefined, rest: readonly string[]): TemplateResult {
    if (!page) return html`<p class="empty">${t("page.nothing")}</p>`;
    if (page !== this.unloaded) return page.render(rest);
    // A browser may keep that a file could not be had, so that only loading everything again helps.
    return html`<p class="trouble" role="alert">${t("page.unloaded")} <button type="button" @click=${() => location.reload()}>${t("link.reload")}</button></p>`;
  }

  private async showThreats(): Promise<void> {
    try {
      await import("./pages/threats");
      this.append(document.createElement("desk-threats"));
    } catch {
      say(t("page.unloaded"), "bad");
    }
  }

  private skip(event: MouseEvent): void {
    event.preventDefault();
    this.querySelector<HTMLElement>("#main")?.focus();
  }

  private link(): TemplateResult {
    const words = { starting: t("link.starting"), live: t("link.live"), away: t("link.away") };
    return html`<span class="link ${store.link}"><i></i><span>${words[store.link]}</span></span>`;
  }

  private notices(): TemplateResult {
    const clockOff = Math.abs(store.clockOff) > MAX_CLOCK_OFF_MS;
    const hasDialog = document.querySelector("dialog[open]") !== null;
    const unsent = unsentWords();
    return html`${store.may("GET /alarms") ? soundNotice() : nothing}${unsent ? html`<p class="notice warn" data-unsent>${unsent}</p>` : nothing}
      ${store.link === "away"
        ? html`<p class="notice bad" data-away>${store.lastMessage > 0 ? t("link.away_banner", { time: clock(store.lastMessage) }) : t("problem.unreachable")}</p>`
        : nothing}
      ${clockOff ? html`<p class="notice warn">${t("link.clock_off", { seconds: Math.round(store.clockOff / 1000) })}</p>` : nothing}
      ${store.hasNewVersion && !hasDialog
        ? html`<p class="notice plain">${t("link.new_version")} <button type="button" @click=${() => location.reload()}>${t("link.reload")}</button></p>`
        : nothing}`;
  }

  private userMenu(session: Session): TemplateResult {
    const themes: readonly Theme[] = ["system", "light", "dark"];
    return html`<details class="user">
      <summary>${session.actor.replace(/^(operator|token):/, "")}</summary>
      <div class="panel">
        <p>${session.roles.map((role) => named("role", role)).join(", ")}</p>
        <label class="field">${t("menu.language")}${languageSelect(() => store.changed())}</label>
        <label class="field"
          >${t("menu.theme")}
          <select data-theme-choice @change=${(event: Event) => setTheme((event.target as HTMLSelectElement).value as Theme)}>
            ${themes.map((one) => html`<option value=${one} ?selected=${one === theme()}>${t(`theme.${one}`)}</option>`)}
          </select>
        </label>
        <button type="button" class="quiet" @click=${() => this.querySelector("desk-help")?.show()}>${t("help.title")}</button>
        <button type="button" class="quiet" data-sign-out @click=${() => void this.signOut()}>${t("menu.sign_out")}</button>
      </div>
    </details>`;
  }
}

customElements.define("desk-app", App);
