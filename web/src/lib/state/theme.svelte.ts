// Light, dark, or as the system has it. Kept in the browser; charts redraw when it changes.

export type Theme = "system" | "light" | "dark";
const KEY = "shoplake-theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

const system = window.matchMedia("(prefers-color-scheme: dark)");

export const theme = $state({ choice: stored(), systemDark: system.matches });

export const isDark = (): boolean => theme.choice === "dark" || (theme.choice === "system" && theme.systemDark);

function apply(): void {
  if (theme.choice === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.choice;
}

export function chooseTheme(choice: Theme): void {
  theme.choice = choice;
  try {
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // A browser that keeps nothing still shows what was chosen.
  }
  apply();
}

export function startTheme(): void {
  system.addEventListener("change", (event) => (theme.systemDark = event.matches));
  apply();
}
