/*
 * Elements for the sidebar.
 *
 * 1. Text goes in as text, never as html: whatever a bridge says, it stays something to read.
 * 2. Attributes that lead somewhere get addresses that are written in this package.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const SVG = "http://www.w3.org/2000/svg";

    /** @typedef {import("../../types/sidebar").Attributes} Attributes */

    /** @param {Element} element @param {Attributes} attributes @param {(Node | string | null)[]} children */
    function fill(element, attributes, children) {
        Object.entries(attributes).forEach(function ([name, value]) {
            if (typeof value === "function") {
                element.addEventListener(name, /** @type {EventListener} */ (value));
            } else if (value === true) {
                element.setAttribute(name, "");
            } else if (value !== false && value !== null && value !== undefined) {
                element.setAttribute(name, String(value));
            }
        });
        element.append(...children.filter((each) => each !== null));
    }

    /** @type {import("../../types/sidebar").Dom["h"]} */
    function h(tag, attributes, ...children) {
        const element = document.createElement(tag);
        fill(element, attributes || {}, children);
        return element;
    }

    /** @type {import("../../types/sidebar").Dom["s"]} */
    function s(tag, attributes, ...children) {
        const element = /** @type {any} */ (document.createElementNS(SVG, tag));
        fill(element, attributes || {}, children);
        return element;
    }

    /** Puts other children into an element, and the focus back to where it was by its data-key.  @type {import("../../types/sidebar").Dom["replace"]} */
    function replace(element, ...children) {
        const focused = document.activeElement;
        const key = focused && element.contains(focused) ? focused.getAttribute("data-key") : null;
        element.replaceChildren(...children.filter((each) => each !== null));
        if (key !== null) {
            const again = Array.from(element.querySelectorAll("[data-key]")).find((each) => each.getAttribute("data-key") === key);
            if (again) {
                /** @type {HTMLElement} */ (again).focus({ preventScroll: true });
            }
        }
    }

    /** Sets a text only where it is another one: nothing is announced or laid out again for nothing.  @type {import("../../types/sidebar").Dom["say"]} */
    function say(element, text) {
        if (element.textContent !== text) {
            element.textContent = text;
        }
    }

    /** An icon of the font that the editor brings.  @param {string} name */
    function icon(name) {
        return h("i", { class: "fa fa-" + name, "aria-hidden": "true" });
    }

    /** A button as the editor has them.  @type {import("../../types/sidebar").Dom["button"]} */
    function button(options) {
        return h("button", {
            type: "button", class: "red-ui-button red-ui-button-small wb-button " + (options.class || ""), "data-key": options.key, click: options.click,
            disabled: Boolean(options.disabled), title: options.title, "aria-label": options.label, ...(options.more || {}),
        }, options.icon ? icon(options.icon) : null, options.icon && options.text ? " " : null, options.text || null);
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { dom: { button, h, icon, replace, s, say } });
}(window));
