// Package docs holds reddot's pages: what "reddot help TOPIC" prints and a server has at
// /docs/. They are written once, in Markdown, and read well where they lie, too:
//
//	README.md     the index; its lists are the order of the pages
//	NAME.md       a page: one topic, for one task of its reader
//	zh/NAME.md    the same in Chinese, where there is one: with the same commands
//	static        what the HTML pages look like
//
//	page.go       which pages there are
//	link.go       where a link leads: here, on a server, in a terminal
//	example.go    stories of testdata/scenarios, shown as they lie there
//	html.go       pages as HTML
//	text.go       pages as text; table.go and wrap.go fit them into a width
//
// How do I add a page? A file, and its line in the index, which a test looks for. Links are
// those that the folder's own files would have: other.md#heading, ../js/README.md. A link to a
// file that a server does not have is only its text there. Blocks of ```console are run by
// .ci/readme: each page with a fresh server, unless it starts one itself. A paragraph that
// is a link to a scenario with the title "first N blocks" shows these.
package docs
