/*
 * Translations as gettext's PO files: msgctxt is the place, msgid the English text.
 *
 * 1. No date, name or order of translators stands in a file: the same texts give the same bytes.
 * 2. What was translated is never thrown away: where English changed, the entry stays, marked fuzzy, with the English it was made of.
 */

import { po } from "gettext-parser";

/**
 * @typedef {object} Entry
 * @property {string} place
 * @property {string} english
 * @property {string} translation  "" when there is none
 * @property {boolean} isFuzzy     its English has changed since, and nobody has looked at it
 * @property {string} [previous]   where it is fuzzy: the English that it was made of, as a line of the file
 */

/**
 * Reads a file.
 *
 * @param {string} content
 * @returns {Entry[]}
 */
export function parse(content) {
  const { translations } = po.parse(content);
  return Object.values(translations).flatMap((each) => Object.values(each)).filter((each) => each.msgid !== "").map((each) => ({
    place: each.msgctxt ?? "",
    english: each.msgid,
    translation: each.msgstr[0] ?? "",
    isFuzzy: (each.comments?.flag ?? "").split(/[,\s]+/).includes("fuzzy"),
    ...(each.comments?.previous ? { previous: each.comments.previous } : {}),
  }));
}

/** @param {Entry} entry */
function written({ place, english, translation, isFuzzy, previous }) {
  const comments = {
    ...(isFuzzy ? { flag: "fuzzy" } : {}),
    ...(previous === undefined ? {} : { previous }),
  };
  return { msgctxt: place, msgid: english, msgstr: [translation], comments };
}

/**
 * Writes a file.
 *
 * @param {Entry[]} entries
 * @param {string} code  of the language; "" for the template
 * @returns {string}
 */
export function compile(entries, code) {
  /** @type {Record<string, Record<string, import("gettext-parser").Message>>} */
  const translations = {};
  for (const entry of entries) {
    (translations[entry.place] ??= {})[entry.english] = written(entry);
  }
  const headers = {
    "Project-Id-Version": "wisblock-bridge", Language: code, "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit",
  };
  return `${po.compile({ charset: "utf-8", headers, translations }, { foldLength: 0 }).toString("utf8").trimEnd()}\n`;
}

/**
 * Brings the entries of a language to the English of today.
 *
 * A text that has only moved (a paragraph was put before it) keeps its translation; one that also stands elsewhere brings that translation as
 * a proposal, to be looked at.
 *
 * @param {Map<string, string>} template  place to English
 * @param {Entry[]} entries
 * @returns {Entry[]} one for each text of the template, in its order
 */
export function merge(template, entries) {
  const done = entries.filter((each) => each.translation !== "");
  const byPlace = new Map(done.map((each) => [each.place, each]));
  const elsewhere = new Map(done.filter((each) => !each.isFuzzy).map((each) => [each.english, each]));
  return [...template].map(([place, english]) => {
    const same = byPlace.get(place);
    if (same?.english === english) {
      return same;
    }
    const moved = elsewhere.get(english);
    if (moved !== undefined) {
      return { place, english, translation: moved.translation, isFuzzy: withoutNumber(moved.place) !== withoutNumber(place) };
    }
    return same === undefined
      ? { place, english, translation: "", isFuzzy: false }
      : { ...same, place, english, isFuzzy: true, previous: same.previous ?? `msgid ${JSON.stringify(same.english)}` };
  });
}

/** @param {string} place @returns {string} the same for all blocks of a text */
function withoutNumber(place) {
  return place.replace(/\.\d+$/, "");
}
