// Package console is the pages /console/: what an operator and a support desk look for. They
// talk to the server over its public HTTP API and with the JavaScript client, as anybody
// could, and may what their role may. Plain HTML, CSS and ES modules, in static:
//
//	index.html, console.css
//	main.js        who is here: log-in, navigation, which page is shown
//	ask.js         requests, and whether the server is there
//	dom.js         making and renewing elements
//	parts.js       what pages are made of: panels, figures, times, tables, long texts
//	tip.js         what a thing says when it is pointed at or has the focus
//	act.js         what is done: buttons that say how it went, a word to be typed
//	chart.js       lines of what was, and bars of how far
//	rows.js        lists of any length
//	asof.js        a place in the log, and what was so there
//	command.js     one command of the log; where names lead to
//	strip.js       a conversation as a strip
//	status.js      the one poll of the status, for all who show some of it
//
// A page is a module of its own, loaded when it is gone to: overview.js, users.js, explain.js,
// groups.js, live.js, refused.js, operations.js, webhooks.js, api.js.
//
// How do I add a page? A module that exports a function of a view: {root, params, signal,
// put, role}. It fills root; signal ends when the page is left. Then a line in pages of
// main.js. Where one is stands in the URL behind #, ids too, so they are in no log of a
// server: #/refused?reason=…; put renews that without showing the page anew.
//
// The policy of the pages lets them load what is served beside them and nothing else: no
// script and no style stands in the HTML, and widths of bars are set by the CSSOM.
package console

import "embed"

// Static holds the pages and what belongs to them, in the folder static.
//
//go:embed static
var Static embed.FS
