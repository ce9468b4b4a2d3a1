"""What EventBridge does with an event that matches a rule, where moto delivers to queues, logs and other buses alone.

``patches`` puts it in place in moto. ``delivery`` has the story of one event and one target: ``inputs`` makes what the
target gets, ``sending`` tries once, ``permissions`` (by ``policies``) decides whether it may, ``webhook`` posts,
``schedule`` tries again, and what cannot be delivered goes to the target's dead-letter queue. ``resources`` lets
CloudFormation make what receivers consist of.

Nothing leaves this machine: an API destination is on loopback, or is refused when it is made. Not played: the rate
limit of an API destination, OAuth, KMS keys, and what a state machine's own role may do.
"""
