/** What this project uses of gettext-parser 8, which brings no types. */
declare module "gettext-parser" {
  interface Message {
    msgctxt?: string;
    msgid: string;
    msgstr: string[];
    comments?: { flag?: string; previous?: string };
  }

  interface Translations {
    charset: string;
    headers: Record<string, string>;
    translations: Record<string, Record<string, Message>>;
  }

  export const po: {
    parse(content: string): Translations;
    compile(translations: Translations, options?: { foldLength?: number }): Buffer;
  };
}
