package ui

import "sync"

// stage is where signals change what the window shows, while it is there.
type stage struct {
	mu   sync.Mutex // held while a signal is dealt with
	over bool       // the window closes: nothing more is shown
}

// on does what a signal asks for, unless the window closes. Fyne's loop, when it has ended, leaves such a function to the
// goroutine that asks for it: that must not come in between while the window is put away.
func (s *stage) on(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		f()
	}
}

// leave ends what signals do to the window.
func (s *stage) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// quit ends the program.
func (w *window) quit() {
	w.stage.leave()
	w.app.Quit()
}
