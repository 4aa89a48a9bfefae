// Package lines reads and writes files of commands as JSON lines, compressed or not: a
// [Source] is what "reddot publish" and "reddot bench" read, a [File] what "reddot export"
// writes. What a line says package events parses.
package lines
