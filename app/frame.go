package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Frame is how the window was left.
type Frame struct {
	Width, Height float32 // of the window, in device-independent pixels; 0: not known
	Sidebar       bool    // is shown
	SidebarWidth  float32 // 0: as it comes
	Chat          int64   // that was shown; 0: a new one
}

// framePath is where the frame is kept.
func (a *App) framePath() string { return filepath.Join(a.paths.Data, "window.json") }

// Frame returns how the window was left. Without a file that can be used, it is as it comes.
func (a *App) Frame() Frame {
	f := Frame{Sidebar: true}
	data, err := os.ReadFile(a.framePath())
	if err != nil || json.Unmarshal(data, &f) != nil {
		return Frame{Sidebar: true}
	}
	for _, size := range []*float32{&f.Width, &f.Height, &f.SidebarWidth} {
		if *size < 100 || *size > 20000 {
			*size = 0
		}
	}
	if f.Width == 0 || f.Height == 0 {
		f.Width, f.Height = 0, 0
	}
	return f
}

// KeepFrame stores how the window is.
func (a *App) KeepFrame(f Frame) error {
	data, err := json.Marshal(f)
	if err == nil {
		err = writeFile(a.framePath(), data)
	}
	if err != nil {
		return fmt.Errorf("keeping the window's size: %w", err)
	}
	return nil
}
