//go:build nogui

package main

import "burble/app/terminal"

// window is missing: this build has terminal commands alone.
var window terminal.Window
