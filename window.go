//go:build !nogui

package main

import "burble/ui"

// window opens the window.
var window = ui.Run
