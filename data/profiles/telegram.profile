summary Telegram: its own directory and Downloads
program telegram-desktop Telegram kotatogram-desktop
include chat
allow write=+${DATA}/TelegramDesktop
allow write=?${DATA}/KotatogramDesktop
