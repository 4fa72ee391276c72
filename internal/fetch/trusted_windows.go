package fetch

// trusted takes every folder: who may write where is no matter of its mode.
func trusted(string) error { return nil }
