"""Two payments ask for the balance, wait for the bank, and take the money: both were told that there is enough."""

import asyncio
import logging

log = logging.getLogger("wallet")


class Wallet:
    def __init__(self, balance):
        self.balance = balance

    async def pay(self, price, answer):
        if self.balance >= price:
            await asyncio.sleep(answer)
            self.balance -= price
            log.info("paid %d, %d left", price, self.balance)


async def main():
    wallet = Wallet(100)
    slow = asyncio.create_task(wallet.pay(80, 0.2), name="shoes")
    quick = asyncio.create_task(wallet.pay(70, 0.05), name="coat")
    await slow
    await quick


logging.basicConfig(level=logging.INFO, format="%(message)s")
asyncio.run(main())
