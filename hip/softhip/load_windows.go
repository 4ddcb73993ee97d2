package softhip

// Build has refused before either of these is called.
func openLibrary(string) (uintptr, error) { return 0, ErrUnsupported }

func lookUp(uintptr, string) (uintptr, error) { return 0, ErrUnsupported }
