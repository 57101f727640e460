// Starts the app: theme before the first paint, then who is reading, then the page.
import { mount } from "svelte";
import App from "./App.svelte";
import { startRouter } from "./lib/state/router.svelte";
import { startTheme } from "./lib/state/theme.svelte";
import "./styles/base.css";
import "./styles/print.css";

startTheme();
startRouter();
const target = document.getElementById("app");
if (target) mount(App, { target });
