/*
 * What is wrong with a translation, by the place where it stands.
 *
 * 1. Missing: no translation. Obsolete: no such place any more. Outdated: the English has changed. Fuzzy ones are outdated.
 * 2. Placeholders, code and tags are the same as in English, in any order.
 */

const FIXED = [/__[a-z]+(?:_[a-z]+)*__/g, /``[^`]+``/g, /<code>[^<]*<\/code>/g, /<\/?[a-z][^>]*>/g];

/**
 * @typedef {{place: string, kind: "missing" | "obsolete" | "outdated" | "placeholders", details: string}} Problem
 */

/** @param {string} text @returns {string[]} what a translation must not change, sorted */
function fixedParts(text) {
  return FIXED.flatMap((each) => text.match(each) ?? []).sort();
}

/** @param {string[]} these @param {string[]} those @returns {string[]} what occurs more often in these than in those */
function surplus(these, those) {
  const count = (/** @type {string[]} */ all, /** @type {string} */ one) => all.filter((each) => each === one).length;
  return [...new Set(these)].filter((each) => count(these, each) > count(those, each));
}

/** @param {string} english @param {string} translation @returns {string} "" when all is the same */
function difference(english, translation) {
  const [wanted, found] = [fixedParts(english), fixedParts(translation)];
  return [
    ...surplus(wanted, found).map((each) => `${each} is missing`),
    ...surplus(found, wanted).map((each) => `${each} is not in the English text`),
  ].join(", ");
}

/**
 * Compares a translation with the English of today.
 *
 * @param {Map<string, string>} template  place to English
 * @param {import("./po.mjs").Entry[]} entries
 * @returns {Problem[]}
 */
export function problems(template, entries) {
  /** @type {Problem[]} */
  const found = [];
  const translated = new Set(entries.map((each) => each.place));
  for (const [place, english] of template) {
    if (!translated.has(place)) {
      found.push({ place, kind: "missing", details: english });
    }
  }
  for (const { place, english, translation, isFuzzy } of entries) {
    const today = template.get(place);
    if (today === undefined) {
      found.push({ place, kind: "obsolete", details: english });
    } else if (translation === "") {
      found.push({ place, kind: "missing", details: today });
    } else if (english !== today || isFuzzy) {
      found.push({ place, kind: "outdated", details: `"${english}" is now "${today}"` });
    } else if (difference(english, translation) !== "") {
      found.push({ place, kind: "placeholders", details: difference(english, translation) });
    }
  }
  return found;
}
