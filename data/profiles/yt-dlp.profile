summary yt-dlp: videos of strangers' pages into the working directory, Downloads or Videos
program yt-dlp youtube-dl gallery-dl streamlink
include downloader
allow write=?${VIDEOS}
allow write=?${CACHE}/yt-dlp
allow read=?${CONFIG}/yt-dlp
allow read=?${CONFIG}/gallery-dl
allow read=?${CONFIG}/streamlink
