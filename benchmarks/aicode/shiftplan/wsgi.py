from shiftplan import create_app

app = create_app()
