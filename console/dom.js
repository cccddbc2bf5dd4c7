// SPDX-License-Identifier: MIT
/**
 * The page as a value: views say with tag() what should be there, and patch() changes the page only
 * where it differs, so that focus, scroll and selection stay with the reader.
 *
 * Whatever the service says may come from an attacker. It becomes text nodes and the values of
 * attributes that views name, and nothing here can make markup of it.
 */
const SVG = "http://www.w3.org/2000/svg";

/** What the reader changes by hand; a patch must not take it back. */
const READERS_ATTRIBUTES = new Set(["open"]);

/** The attribute that tells one item of a list from another, whatever its place. */
const KEY = "data-key";

/**
 * An element to be. Attributes that are null or false are left out, true is an empty attribute;
 * children may be nested lists, and null or false is no child.
 */
export function tag(name, attributes, ...children) {
    const wanted = Object.entries(attributes ?? {})
        .filter(([, value]) => value !== null && value !== undefined && value !== false)
        .map(([key, value]) => [key, value === true ? "" : String(value)]);

    return { name, attributes: new Map(wanted), children: flatten(children) };
}

function flatten(children) {
    return children
        .flat(Infinity)
        .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
        .map((child) => (typeof child === "object" ? child : String(child)));
}

function keyOf(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute(KEY) : null;
}

function wantedKey(child) {
    return typeof child === "string" ? null : (child.attributes.get(KEY) ?? null);
}

function create(child, parent) {
    if (typeof child === "string") {
        return document.createTextNode(child);
    }
    return child.name === "svg" || parent.namespaceURI === SVG
        ? document.createElementNS(SVG, child.name)
        : document.createElement(child.name);
}

/** True if the node can become the child by a change of its attributes and children. */
function fits(node, child) {
    if (typeof child === "string") {
        return node.nodeType === Node.TEXT_NODE;
    }
    return (
        node.nodeType === Node.ELEMENT_NODE &&
        node.localName === child.name &&
        keyOf(node) === wantedKey(child)
    );
}

function patchAttributes(element, wanted) {
    for (const { name } of [...element.attributes]) {
        if (!wanted.has(name) && !READERS_ATTRIBUTES.has(name)) {
            element.removeAttribute(name);
        }
    }
    for (const [name, value] of wanted) {
        if (element.getAttribute(name) !== value) {
            element.setAttribute(name, value);
        }
    }
}

function patchNode(node, child) {
    if (typeof child !== "string") {
        patchAttributes(node, child.attributes);
        patchChildren(node, child.children);
    } else if (node.data !== child) {
        node.data = child;
    }
}

/** Items that are gone go first: what follows them then moves up without being touched. */
function dropMissing(parent, children) {
    const wanted = new Set(children.map(wantedKey));

    for (const node of [...parent.childNodes]) {
        if (keyOf(node) !== null && !wanted.has(keyOf(node))) {
            node.remove();
        }
    }
}

function patchChildren(parent, children) {
    dropMissing(parent, children);
    const items = new Map([...parent.childNodes].map((node) => [keyOf(node), node]));
    let place = parent.firstChild;

    for (const child of children) {
        const key = wantedKey(child);
        const candidate = key === null ? place : items.get(key);
        const node = candidate && fits(candidate, child) ? candidate : create(child, parent);

        if (node === place) {
            place = place.nextSibling;
        } else {
            parent.insertBefore(node, place);
        }
        patchNode(node, child);
    }
    while (place !== null) {
        const next = place.nextSibling;
        place.remove();
        place = next;
    }
}

/** Makes the children of an element what they should be. */
export function patch(root, ...children) {
    const focused = document.activeElement;

    patchChildren(root, flatten(children));
    if (focused !== document.activeElement && focused?.isConnected) {
        focused.focus({ preventScroll: true }); // its row moved to another place
    }
}
