"""A client: asks the server at random for as long as it is told, and checks each answer with its own interpreter."""

import contextlib
import http.client
import random
import sys
import time

import work

# Questions for each connection, and different ones of each route.
QUESTIONS = 50
NUMBERS = 40
# Seconds after which an answer will never come.
PATIENCE = 60


def main():
    port, seconds, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    routes = list(work.ROUTES)
    deadline = time.monotonic() + seconds
    count = 0
    while time.monotonic() < deadline:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            for _ in range(QUESTIONS):
                route, number = chance.choice(routes), chance.randrange(1, NUMBERS)
                connection.request("GET", f"/{route}?number={number}")
                response = connection.getresponse()
                answer = response.read().decode()
                if response.status != 200 or not work.is_right(route, number, answer):
                    wanted = "a factor and its product" if route == "scaled" else work.ROUTES[route](number)
                    sys.exit(f"{route} of {number}: status {response.status}\n{answer}\ninstead of\n{wanted}")
                count += 1
                if time.monotonic() > deadline:
                    break
    print(count)


if __name__ == "__main__":
    main()
