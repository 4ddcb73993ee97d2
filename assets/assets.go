// Package assets holds the files that are built into the program.
package assets

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
)

// Icon is Burble's icon, a PNG of 512 pixels square, drawn from icon.svg.
//
//go:embed icon.png
var Icon []byte

// licences is written by make licences.
//
//go:embed licences.txt.gz
var licences []byte

// Licences returns those of the software that Burble is built with.
func Licences() (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(licences))
	if err != nil {
		return "", fmt.Errorf("unpacking the licences: %w", err)
	}
	text, err := io.ReadAll(z)
	if err = errors.Join(err, z.Close()); err != nil {
		return "", fmt.Errorf("unpacking the licences: %w", err)
	}
	return string(text), nil
}

// Translations are the texts of the window by language, translation/TAG.json: the English text is the key.
//
//go:embed translation/*.json
var Translations embed.FS
