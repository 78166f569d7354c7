/*
 * The texts of one language, each by the place where it stands.
 *
 * 1. English stands in the sources, and is given with every question: a translation whose English has changed is not used.
 * 2. A place has one text. Placeholders are written `__name__`, as in Node-RED's own catalogues.
 */

const PLACEHOLDER = /__([a-z]+(?:_[a-z]+)*)__/g;

/** Ends of sentences after which there is no space. */
const WIDE_ENDS = /([。！？；：，]) +/g;

/**
 * Puts values into a text.
 *
 * @param {string} text
 * @param {Record<string, unknown>} values  a placeholder without a value stays
 * @returns {string}
 */
export function fill(text, values) {
  return text.replace(PLACEHOLDER, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @typedef {Pick<English, "code" | "text" | "join">} Language */

/** The language of the sources. It notes what it is asked for: that is the template of all translations. */
export class English {
  code = "en-US";
  /** @type {Map<string, string>} place to text */
  texts = new Map();

  /**
   * Returns a text.
   *
   * @param {string} place
   * @param {string} english
   * @param {Record<string, unknown>} [values]  of its placeholders
   * @returns {string}
   */
  text(place, english, values = {}) {
    const known = this.texts.get(place);
    if (known !== undefined && known !== english) {
      throw new Error(`Two texts have the place ${place}: "${known}" and "${english}".`);
    }
    if (hasWords(english)) {
      this.texts.set(place, english);
    }
    return fill(english, values);
  }

  /** Puts sentences one behind the other.  @param {string[]} sentences */
  join(sentences) {
    return sentences.join(" ");
  }
}

/** A language that a file in translations/ brings. */
export class Translated {
  /**
   * @param {string} code  as Node-RED names its folders in locales/
   * @param {import("./po.mjs").Entry[]} entries
   */
  constructor(code, entries) {
    this.code = code;
    this.entries = new Map(entries.filter((each) => !each.isFuzzy && each.translation !== "").map((each) => [each.place, each]));
  }

  /** @type {English["text"]} */
  text(place, english, values = {}) {
    const found = this.entries.get(place);
    return fill(found !== undefined && found.english === english ? found.translation : english, values);
  }

  /** @param {string[]} sentences */
  join(sentences) {
    return sentences.join(" ").replace(WIDE_ENDS, "$1");
  }
}

/** @param {string} english @returns {boolean} whether there is anything to translate in it: no number, no sign, no name of the product */
function hasWords(english) {
  return /\p{Letter}/u.test(english.replace(PLACEHOLDER, "").replaceAll("WisBlock", ""));
}
