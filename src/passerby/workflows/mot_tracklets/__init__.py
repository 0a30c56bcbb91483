"""Tables of tracklets with crops out of MOTChallenge's sequences and of videos that `passerby synth` drew."""
