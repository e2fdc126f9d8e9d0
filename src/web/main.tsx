import { render } from "preact";
import { createClient } from "../api/client.ts";
import { systemClock } from "../lib/clock.ts";
import { App } from "./app.tsx";
import { followRig } from "./live.ts";
import { createOperator, sessionTokens } from "./operator.ts";
import { createStore } from "./store.ts";

const tokens = sessionTokens(sessionStorage);
const client = createClient({ baseUrl: "", token: tokens.get, fetch: (input, init) => fetch(input, init) });
// A hidden tab paints no frames, and must not queue a night's worth of them either.
const store = createStore((run) => setTimeout(run, 50));
const operator = createOperator({ client, tokens, dispatch: store.dispatch });

const root = document.getElementById("app");
if (root) render(<App store={store} operator={operator} clock={systemClock} />, root);
void followRig({ client, clock: systemClock, dispatch: store.dispatch }, new AbortController().signal);
