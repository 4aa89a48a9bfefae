// Package demo is the page /demo/: two phones side by side, a few friends who chat, and
// buttons for all that one can do about what is unread. It is the example of the JavaScript
// client, and talks to the server with nothing else. Plain HTML, CSS and ES modules, in
// static:
//
//	index.html, demo.css
//	main.js       what is where, and the buttons above the phones
//	phone.js      a phone: its user's list as the client tells it, and the plug
//	chat.js       one conversation or thread on it
//	friends.js    who chats when nobody else does: plays cast.json
//	messages.js   what the messages say
//	elements.js   making and renewing elements
//
// reddot stores no texts, so the page does, in memory: after a reload the counts are there
// and the texts are not.
//
// Messages are sent as a back end does it. In an app that is the chat's own server; here
// the page does it, and may, because the page is there only where nobody is asked who they
// are.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
)

// Static holds the page and what belongs to it, in the folder static.
//
//go:embed static
var Static embed.FS

// Cast is who plays, and what they have to say. The first scene comes first, the others in
// any order.
type Cast struct {
	People []string `json:"people"`
	Shown  []string `json:"shown"`  // those of them whose phones are shown
	Office string   `json:"office"` // who writes announcements: in no group, so nobody's peer
	Groups []Group  `json:"groups"`
	Scenes []Scene  `json:"scenes"`
}

// Group is a group, and who is in it.
type Group struct {
	Group  string   `json:"group"`
	People []string `json:"people"`
}

// Scene is a short exchange: in a group, or between two people.
type Scene struct {
	Group   string   `json:"group"`
	Between []string `json:"between"`
	Lines   []Line   `json:"lines"`
}

// Line is one thing that somebody says. "@name" in the text mentions a person, "@all"
// everybody.
type Line struct {
	From    string `json:"from"`
	Text    string `json:"text"`
	Recalls bool   `json:"recalls"` // instead of saying something, takes back what From said last
}

// ReadCast returns the cast of the page.
func ReadCast() (*Cast, error) {
	text, err := Static.ReadFile("static/cast.json")
	if err != nil {
		return nil, err
	}
	var c Cast
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("cast.json: %w", err)
	}
	return &c, nil
}
