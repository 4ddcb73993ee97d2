package inference

import "fmt"

// Where a model has sliding windows or a recurrent state, its cache can't always go back to fewer tokens. So the session
// keeps checkpoints in the host's memory: one where the user's newest message begins, for when it is edited, and one
// shortly before the answer begins, for when it is generated again. Without them the whole chat would be read anew.

const (
	// checkpointBefore is how many tokens before the end of a prompt its checkpoint is taken: more than the template
	// writes to open the answer, because the next prompt may write an answer's beginning differently.
	checkpointBefore = 16
	// checkpointBudget is the most memory that a session's checkpoints take together.
	checkpointBudget = 1 << 30
)

// reach returns the longest prefix of at most n tokens that the cache can go back to, and the checkpoint to restore for
// that, or -1 where none is needed.
func (s *Session) reach(n int) (length, checkpoint int) {
	if s.cache.CanTruncate(n) {
		return n, -1
	}
	for i := len(s.checkpoints) - 1; i >= 0; i-- {
		if s.checkpoints[i].Length <= n {
			return s.checkpoints[i].Length, i
		}
	}
	return 0, -1
}

// rewind makes the timeline one of its first n tokens, or of as many fewer as can be had, and returns how many.
func (s *Session) rewind(n int) (int, error) {
	n, at := s.reach(n)
	if at >= 0 {
		if err := s.cache.Restore(s.checkpoints[at]); err != nil {
			return 0, fmt.Errorf("going back to a checkpoint: %w", err)
		}
	} else {
		s.cache.Truncate(n)
	}
	keep := len(s.checkpoints)
	for keep > 0 && s.checkpoints[keep-1].Length > n {
		keep--
	}
	s.checkpoints = s.checkpoints[:keep]
	s.tokens, s.fresh = s.tokens[:n], false
	return n, nil
}

// checkpoint keeps what the cache could not recover of the tokens so far.
func (s *Session) checkpoint() error {
	n := len(s.tokens)
	if n == 0 || s.cache.Rewindable() {
		return nil
	}
	if last := len(s.checkpoints) - 1; last >= 0 && s.checkpoints[last].Length >= n {
		return nil
	}
	total := s.cache.CheckpointBytes(n)
	if total > checkpointBudget {
		return nil
	}
	c, err := s.cache.Save(n)
	if err != nil {
		return err
	}
	s.checkpoints = append(s.checkpoints, c)
	total = 0
	for i := len(s.checkpoints) - 1; i >= 0; i-- { // the oldest go first
		if total += s.checkpoints[i].Bytes(); total > checkpointBudget {
			s.checkpoints = append(s.checkpoints[:0], s.checkpoints[i+1:]...)
			break
		}
	}
	return nil
}
