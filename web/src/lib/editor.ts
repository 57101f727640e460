// The text editor, in a chunk of its own. It lives in a shadow root: there its styles need no inline <style>,
// which the page's content security policy does not allow.
import { acceptCompletion, autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { PostgreSQL, sql, type SQLNamespace } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface EditorOptions {
  host: HTMLElement;
  text: string;
  language: "sql" | "yaml";
  label: string;
  readonly?: boolean;
  onchange: (text: string) => void;
  /** Ctrl or Cmd with Enter, or with S. */
  onsubmit: () => void;
}
export interface EditorHandle {
  setText(text: string): void;
  setSchema(schema: Record<string, string[]>): void;
  setErrors(errors: readonly { line: number; column: number; message: string; hint?: string | null }[]): void;
  focus(): void;
  destroy(): void;
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warning)" },
  { tag: tags.comment, color: "var(--ink-faint)", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.punctuation, tags.operator], color: "var(--ink-soft)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "0.8125rem", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--font-code)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", padding: "0.5rem 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-faint)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-wash) 45%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-wash) !important",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "5px",
    fontFamily: "var(--font)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-code)" },
  ".cm-completionDetail": { color: "inherit", opacity: "0.75" },
});

export function createEditor(options: EditorOptions): EditorHandle {
  const root = options.host.shadowRoot ?? options.host.attachShadow({ mode: "open" });
  root.replaceChildren();
  const language = new Compartment();
  const languageOf = (schema: SQLNamespace): Extension =>
    options.language === "sql" ? sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true }) : yaml();
  const submit = (): boolean => {
    options.onsubmit();
    return true;
  };
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        keymap.of([
          { key: "Mod-Enter", run: submit },
          { key: "Mod-s", run: submit, preventDefault: true },
          { key: "Tab", run: acceptCompletion },
          ...completionKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          ...(options.language === "yaml" ? [indentWithTab] : []),
        ]),
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        lintGutter(),
        language.of(languageOf({})),
        syntaxHighlighting(colours),
        look,
        EditorView.lineWrapping,
        EditorState.readOnly.of(options.readonly ?? false),
        EditorView.contentAttributes.of({ "aria-label": options.label, tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && options.onchange(update.state.doc.toString())),
      ],
    }),
  });
  return {
    setText: (text) => {
      if (text !== view.state.doc.toString())
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    setSchema: (schema) => view.dispatch({ effects: language.reconfigure(languageOf(schema)) }),
    setErrors: (errors) => {
      const { doc } = view.state;
      const marks: Diagnostic[] = errors.map((error) => {
        const line = doc.line(Math.max(1, Math.min(error.line, doc.lines)));
        const from = Math.min(line.from + Math.max(0, error.column - 1), line.to);
        return {
          from,
          to: line.to,
          severity: "error",
          message: error.hint ? `${error.message} (${error.hint})` : error.message,
        };
      });
      view.dispatch(setDiagnostics(view.state, marks));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
