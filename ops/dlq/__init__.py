"""The dead letters: which died of what, and how they go through again.

Read in this order:

    letters     what a letter is
    hold        receive every letter of the dead-letter queue, hide it while it is worked on, put it back
    causes      join letters with the images table; group them by cause
    look        both in one: every case there is, and how much was not seen
    advice      what each cause means, and what mends it
    filters     which letters a command is to work on
    redrive     a few letters first, and the rest for as long as they pass
    sender      send letters again, and delete only what SQS reported as sent
    watch       follow the letters that were sent to their ends
    native      the same by SQS's own message move task
    history     who redrove what, when, and with which result
    files       letters as JSON lines, out and in again
    acting      what every command does that sends or deletes
    looking, sending, filing      the commands; `commands` is their list
"""
