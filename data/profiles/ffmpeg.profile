summary FFmpeg: the files of the command line and the working directory; decoders get no network
program ffmpeg ffprobe ffplay avconv HandBrakeCLI mkvmerge mkvextract MP4Box
include terminal
include offline
allow write=${CWD}
arguments read
allow gpu
deny display
limit pids 512
