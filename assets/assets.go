// Package assets holds the files that are built into the program.
package assets

import _ "embed"

// Icon is Burble's icon, a PNG of 512 pixels square, drawn from icon.svg.
//
//go:embed icon.png
var Icon []byte

// Licences are those of the software that Burble is built with (make licences).
//
//go:embed licences.txt
var Licences string
