package ui

import "testing"

func TestStage(t *testing.T) {
	var s stage
	done := 0
	s.on(func() { done++ })
	s.leave()
	s.on(func() { done++ })
	if done != 1 {
		t.Errorf("%d were done", done)
	}
}
