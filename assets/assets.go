// Package assets holds the files that are built into the program.
package assets

import "embed"

// Icon is Burble's icon, a PNG of 512 pixels square, drawn from icon.svg.
//
//go:embed icon.png
var Icon []byte

// Licences are those of the software that Burble is built with (make licences).
//
//go:embed licences.txt
var Licences string

// Translations are the texts of the window by language, translation/TAG.json: the English text is the key.
//
//go:embed translation/*.json
var Translations embed.FS
