// Package scenarios holds the stories of this folder, for the pages that show some of them.
package scenarios

import "embed"

// Files are the stories.
//
//go:embed *.txt
var Files embed.FS
