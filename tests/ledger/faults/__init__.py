"""Faults on a schedule: one seed decides what breaks while every verb is called at random."""
