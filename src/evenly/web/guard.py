class Guard:
    def __init__(self, app, hosts, token, ancestors=()):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
