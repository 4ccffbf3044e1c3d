# A text file becomes a C string, line by line.
s/[\\"]/\\&/g
s/.*/"&\\n"/
