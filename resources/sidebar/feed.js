/*
 * The stream of what happens, as long as somebody can see it.
 *
 * 1. Open only while the sidebar is on the screen; Node-RED knows by that whether anybody looks.
 * 2. A stream that ends is opened again, after a pause that grows while that does not help.
 * 3. It asks as the editor does: with the token of who has logged in.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const FIRST_PAUSE_MS = 1000;
    const LONGEST_PAUSE_MS = 15000;
    const LONGEST_LINE = 4 * 1024 * 1024;

    function headers() {
        const tokens = RED.settings.get("auth-tokens");
        return tokens && tokens.access_token ? { Authorization: "Bearer " + tokens.access_token } : undefined;
    }


    class Feed {
        /** @param {{onMessage: (message: any) => void, onState: (state: "open" | "lost" | "forbidden") => void}} options */
        constructor(options) {
            this.options = options;
            /** @type {AbortController | null} */
            this.abort = null;
            this.isWanted = false;
            this.pause = FIRST_PAUSE_MS;
            /** @type {ReturnType<typeof setTimeout> | undefined} */
            this.timer = undefined;
        }

        /** @param {boolean} isWanted */
        want(isWanted) {
            if (isWanted === this.isWanted) {
                return;
            }
            this.isWanted = isWanted;
            this.pause = FIRST_PAUSE_MS;
            if (isWanted) {
                this.open();
            } else {
                clearTimeout(this.timer);
                if (this.abort) {
                    this.abort.abort();
                }
            }
        }

        open() {
            const abort = new AbortController();
            this.abort = abort;
            this.read(abort.signal).catch(() => "lost").then((state) => {
                if (this.abort !== abort || !this.isWanted) {
                    return;
                }
                this.options.onState(state === "forbidden" ? "forbidden" : "lost");
                this.timer = setTimeout(() => this.open(), this.pause);
                this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
            });
        }

        /** @param {AbortSignal} signal @returns {Promise<string>} why it has ended */
        async read(signal) {
            const response = await fetch(RED.settings.apiRootUrl + "wisblock/observe", { headers: headers(), cache: "no-store", signal: signal });
            if (response.status === 401 || response.status === 403) {
                return "forbidden";
            }
            if (!response.ok || !response.body) {
                return "lost";
            }
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            let rest = "";
            let isFirst = true;
            for (;;) {
                const { done, value } = await reader.read();
                if (done || signal.aborted) {
                    return "lost";
                }
                const lines = (rest + value).split("\n");
                rest = lines.pop() || "";
                if (rest.length > LONGEST_LINE) {
                    return "lost";
                }
                if (isFirst) {
                    isFirst = false;
                    this.pause = FIRST_PAUSE_MS;
                    this.options.onState("open");
                }
                lines.forEach((line) => this.options.onMessage(JSON.parse(line)));
            }
        }
    }

    /**
     * Asks Node-RED something else.
     *
     * @type {import("../../types/sidebar").Ask}
     */
    async function ask(method, address, body) {
        try {
            const response = await fetch(RED.settings.apiRootUrl + "wisblock/" + address, {
                method: method, cache: "no-store",
                headers: { ...headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
                body: body === undefined ? undefined : JSON.stringify(body),
            });
            if (!response.ok) {
                return { state: "refused", code: "forbidden", message: response.statusText };
            }
            return (response.headers.get("Content-Type") || "").startsWith("application/json") ? response.json() : { state: "done", text: await response.text() };
        } catch (error) {
            return { state: "refused", code: "offline", message: error instanceof Error ? error.message : String(error) };
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { Feed, ask });
}(window));
