package docs

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// wrap breaks a text into lines of at most a width, as long as no word is longer. It breaks
// at spaces, and between Chinese characters where their punctuation allows it: a flag or a
// subject stays whole.
func wrap(text string, width int) (lines []string) {
	for _, part := range strings.Split(text, "\n") {
		line, at := "", 0
		for _, piece := range pieces(part) {
			bare := strings.TrimRight(piece, " ")
			if at > 0 && at+uniseg.StringWidth(bare) > width {
				lines, line, at = append(lines, strings.TrimRight(line, " ")), "", 0
			}
			line += piece
			at += uniseg.StringWidth(piece)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// pieces are what a line may break between.
func pieces(text string) (all []string) {
	for _, word := range strings.SplitAfter(text, " ") {
		all = append(all, parts(word)...)
	}
	return all
}

// parts are what a word may break between.
func parts(text string) (all []string) {
	piece, state := "", -1
	for text != "" {
		var segment string
		segment, text, _, state = uniseg.FirstLineSegmentInString(text, state)
		piece += segment
		last, _ := utf8.DecodeLastRuneInString(segment)
		next, _ := utf8.DecodeRuneInString(text)
		if isWide(last) || isWide(next) {
			all, piece = append(all, piece), ""
		}
	}
	if piece != "" {
		all = append(all, piece)
	}
	return all
}

// isWide reports whether a rune takes two places.
func isWide(r rune) bool { return uniseg.StringWidth(string(r)) == 2 }

// widest is the width of the longest line.
func widest(lines []string) (width int) {
	for _, line := range lines {
		width = max(width, uniseg.StringWidth(line))
	}
	return width
}
